import os

import numpy as np
import pytest
import requests
import tensorflow_datasets as tfds

from zoo import datasets

IMAGES = np.random.default_rng(0).integers(0, 256, (10, 4, 6, 3)).astype(np.uint8)


def register(called, splits, shape=(4, 6, 3), field="image"):
    """Gives TFDS a data set of `IMAGES` that it prepares without a download."""

    class Tiny(tfds.core.GeneratorBasedBuilder):
        name = called
        VERSION = tfds.core.Version("1.0.0")

        def _info(self):
            features = {
                "id": tfds.features.Text(),
                field: tfds.features.Image(shape=shape),
                "label": tfds.features.ClassLabel(num_classes=10),
            }
            return tfds.core.DatasetInfo(
                builder=self, features=tfds.features.FeaturesDict(features)
            )

        def _split_generators(self, dl_manager):
            return {split: self._generate_examples(rows) for split, rows in splits.items()}

        def _generate_examples(self, rows):
            for row in rows:
                high = 4 - row % 2 if shape[0] is None else 4
                yield row, {"id": f"row {row}", field: IMAGES[row, :high], "label": row}


register("tiny_tested", {"train": range(7), "test": range(7, 10)})
register("tiny_validated", {"train": range(7), "validation": range(7, 10)})
register("tiny_whole", {"train": range(10)})
register("tiny_untrained", {"test": range(10)})
register("tiny_uneven", {"train": range(10)}, shape=(None, None, 3))
register("tiny_even", {"train": range(0, 10, 2)}, shape=(None, None, 3))
register("tiny_drawings", {"train": range(10)}, field="drawing")


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory):
    return tmp_path_factory.mktemp("tfds")


@pytest.fixture
def no_network(monkeypatch):
    def refuse(url, **_):
        msg = "name resolution failed"
        raise requests.ConnectionError(msg)

    monkeypatch.setattr(requests, "head", refuse)


@pytest.mark.parametrize(
    ("name", "held_out"), [("tiny_tested", 3), ("tiny_validated", 3), ("tiny_whole", 2)]
)
def test_images_and_labels_are_read_and_the_rest_dropped(name, held_out, data_dir):
    splits = datasets.load(name, data_dir=data_dir)
    assert len(splits.test) == len(splits.test_labels) == held_out
    for images, labels in (
        (splits.train, splits.train_labels),
        (splits.test, splits.test_labels),
    ):
        assert images.dtype == np.uint8
        np.testing.assert_array_equal(images, IMAGES[labels])
    assert sorted([*splits.train_labels, *splits.test_labels]) == list(range(10))


def test_the_order_is_always_the_same(data_dir):
    first, second = (datasets.load("tiny_whole", data_dir=data_dir, seed=s) for s in (0, 1))
    np.testing.assert_array_equal(first.train_labels, second.train_labels)


def test_images_that_turn_out_to_have_one_size_are_taken(data_dir):
    assert datasets.load("tiny_even", data_dir=data_dir).train.shape == (4, 4, 6, 3)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("tiny_uneven", "of images of one size; those of 'tiny_uneven' differ"),
        ("tiny_untrained", r"with a split 'train'; 'tiny_untrained' has \['test'\]"),
        ("tiny_drawings", "with a field 'image'; 'tiny_drawings' has .*drawing"),
    ],
)
def test_what_no_image_model_can_be_fitted_to_is_refused(name, message, data_dir):
    with pytest.raises(ValueError, match=f"`name` must be a data set {message}"):
        datasets.load(name, data_dir=data_dir)


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("digit", "Did you mean digits"),
        ("moonz", "Did you mean moons"),
        ("mnisst", "Did you mean mnist"),
        ("mnist/nope", "Did you mean mnist.*BuilderConfig nope not found"),
        ("mnist:9.9.9", "Did you mean mnist.*cannot be loaded at version 9.9.9"),
        ("qqqqq", "TFDS does not know it"),
        ("", "TFDS says"),
        ("a folder/of images", "TFDS says"),
    ],
)
def test_an_unknown_name_is_refused_with_the_nearest_ones(name, near, data_dir):
    with pytest.raises(ValueError, match=f"`name` must be one of .*received {name!r}.*{near}") as e:
        datasets.load(name, data_dir=data_dir)
    assert "\n" not in str(e.value)


@pytest.mark.usefixtures("no_network")
def test_without_a_network_the_answer_comes_at_once_and_says_what_to_do(tmp_path):
    with pytest.raises(ValueError, match="data set 'mnist' is not prepared") as error:
        datasets.load("mnist", data_dir=tmp_path / "empty")
    said = str(error.value)
    assert f"in {tmp_path / 'empty'}, and there is no connection to download it" in said
    assert f"run `tfds build mnist --data_dir={tmp_path / 'empty'}`" in said
    assert "`data_dir`" in said
    assert not (tmp_path / "empty").exists()


@pytest.mark.usefixtures("no_network")
def test_what_is_downloaded_already_is_prepared_without_a_network(tmp_path, monkeypatch):
    def fail(self, **_):
        msg = "the archive is broken\nat byte 7"
        raise OSError(msg)

    monkeypatch.setattr(tfds.core.DatasetBuilder, "download_and_prepare", fail)
    downloads = tmp_path / "downloads" / "mnist"
    downloads.mkdir(parents=True)
    (downloads / "archive.gz").touch()
    with pytest.raises(ValueError, match="'mnist' is not prepared.*preparing it failed: the archi"):
        datasets.load("mnist", data_dir=tmp_path)


def test_the_home_folder_may_be_written_as_a_tilde(data_dir, monkeypatch):
    monkeypatch.setenv("HOME", os.fspath(data_dir.parent))
    splits = datasets.load("tiny_tested", data_dir=f"~/{data_dir.name}")
    assert len(splits.train) == 7
    assert (data_dir / "tiny_tested").exists()


def test_mnist_where_it_is_prepared():
    if not tfds.builder("mnist").is_prepared():
        pytest.skip("mnist is not prepared in TFDS's folder ($TFDS_DATA_DIR)")
    mnist = datasets.load("mnist")
    assert mnist.train.shape == (60_000, 28, 28, 1)
    assert mnist.test.shape == (10_000, 28, 28, 1)
    assert mnist.train.dtype == np.uint8
    assert np.bincount(mnist.test_labels).tolist()[:2] == [980, 1135]
