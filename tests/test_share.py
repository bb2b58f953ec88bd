from zoo.runs.observers.share import Share


class Clock:
    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


def test_the_time_spent_stays_a_share_of_the_whole():
    clock = Clock()
    share = Share(0.1, first=5.0, clock=clock)
    share.begin()
    with share.spending():
        clock.now += 7.0
    assert (share.spent, share.times) == (0.0, 1)
    spent = 0.0
    for _ in range(1000):
        clock.now += 1.0
        if share.due:
            with share.spending():
                clock.now += 2.0
            spent += 2.0
    assert share.spent == spent
    assert 0.09 < spent / (clock.now - 100.0) < 0.11


def test_the_first_time_waits():
    clock = Clock()
    share = Share(1.0, first=5.0, clock=clock)
    clock.now += 50.0
    share.begin()
    assert not share.due
    clock.now += 5.0
    assert share.due


def test_time_is_counted_where_it_fails():
    clock = Clock()
    share = Share(0.1, first=0.0, clock=clock)
    with share.spending():
        pass
    try:
        with share.spending():
            clock.now += 3.0
            raise OSError
    except OSError:
        assert share.spent == 3.0
    assert not share.due
