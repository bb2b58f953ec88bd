import dataclasses

import numpy as np
import pytest
from PIL import Image

from zoo.datasets import files, image_folder
from zoo.datasets.image_files import ImageFiles
from zoo.prepare import Form, prepare, reading

GREY = Form(event_shape=(4, 6, 1), levels=256)
COLOUR = Form(event_shape=(4, 6, 3), levels=256)
VECTOR = Form(event_shape=(5,))
PIXELS = np.random.default_rng(0).integers(0, 256, (4, 6)).astype(np.uint8)
RED, BLUE = (255, 0, 0), (0, 0, 255)


@pytest.fixture
def folder(tmp_path):
    """A folder of three grey images and things that are none."""
    for i in range(3):
        Image.fromarray(PIXELS + np.uint8(i)).save(tmp_path / f"{i}.png")
    (tmp_path / "notes.txt").write_text("no image")
    (tmp_path / "._0.png").write_bytes(b"a resource fork")
    return tmp_path


def saved(path, image, **options):
    image.save(path / "image.png", **options)
    return files.read(path, COLOUR if image.mode != "L" else GREY)[0]


def test_npy_is_an_array(tmp_path):
    np.save(tmp_path / "x.npy", PIXELS)
    np.testing.assert_array_equal(files.read(tmp_path / "x.npy", VECTOR), PIXELS)
    np.testing.assert_array_equal(files.read(str(tmp_path / "x.npy"), VECTOR), PIXELS)


def test_npz_is_its_named_arrays(tmp_path):
    np.savez(tmp_path / "named.npz", image=PIXELS, label=[1])
    np.savez_compressed(tmp_path / "x.npz", PIXELS)
    np.savez(tmp_path / "pair.npz", PIXELS, [1])

    named = files.read(tmp_path / "named.npz", VECTOR)
    assert named.keys() == {"image", "label"}
    np.testing.assert_array_equal(named["image"], PIXELS)
    np.testing.assert_array_equal(files.read(tmp_path / "x.npz", VECTOR), PIXELS)
    first, second = files.read(tmp_path / "pair.npz", VECTOR)
    np.testing.assert_array_equal(first, PIXELS)
    np.testing.assert_array_equal(second, [1])


def write(path, data):
    path.write_bytes(data)


REFUSED = {
    "missing.npy": (lambda path: None, "does not exist"),
    "table.csv": (lambda path: write(path, b"1,2"), r"\.npy or \.npz file"),
    "objects.npy": (lambda path: np.save(path, np.array([{}, None])), "cannot be read"),
    "objects.npz": (lambda path: np.savez(path, x=np.array([{}, None])), "cannot be read"),
    "empty.npy": (lambda path: write(path, b""), "cannot be read"),
    "noise.npy": (lambda path: write(path, b"\x80\x04noise"), "cannot be read"),
    "noise.npz": (lambda path: write(path, b"PK\x03\x04noise"), "cannot be read"),
    "short.npy": (
        lambda path: (np.save(path, PIXELS), write(path, path.read_bytes()[:-3])),
        "read",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_array_of_numbers_is_refused(name, tmp_path):
    make, words = REFUSED[name]
    make(tmp_path / name)

    with pytest.raises(ValueError, match=words) as caught:
        files.read(tmp_path / name, VECTOR)
    assert str(caught.value).startswith("`path`")
    assert str(tmp_path / name) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_folder_is_its_images_in_the_order_of_their_paths(folder):
    images = files.read(folder, GREY)

    assert images.dtype == np.uint8
    assert images.shape == (3, 4, 6, 1)
    for i in range(3):
        np.testing.assert_array_equal(images[i, ..., 0], PIXELS + np.uint8(i))


def test_grey_becomes_colour_and_colour_grey(tmp_path):
    colours = np.stack([PIXELS, PIXELS.T.reshape(4, 6), 255 - PIXELS], -1)
    Image.fromarray(PIXELS).save(tmp_path / "a.png")
    Image.fromarray(colours).save(tmp_path / "b.png")
    in_colour, in_grey = files.read(tmp_path, COLOUR), files.read(tmp_path, GREY)

    np.testing.assert_array_equal(in_colour[0], np.repeat(PIXELS[..., None], 3, -1))
    np.testing.assert_array_equal(in_colour[1], colours)
    np.testing.assert_array_equal(in_grey[0, ..., 0], PIXELS)
    np.testing.assert_allclose(in_grey[1, ..., 0], colours @ [0.299, 0.587, 0.114], atol=1)


def test_palettes_and_transparency(tmp_path):
    palette = Image.new("P", (6, 4), 1)
    palette.putpalette([*RED, *BLUE])
    clear = Image.new("RGBA", (6, 4), (*RED, 0))
    clear.putpixel((0, 0), (*RED, 255))

    assert (saved(tmp_path, palette) == BLUE).all()
    palette.putpixel((0, 0), 0)
    seen = saved(tmp_path, palette, transparency=1)
    assert (seen[0, 0] == RED).all()
    assert (seen[1:] == 255).all()
    seen = saved(tmp_path, clear)
    assert (seen[0, 0] == RED).all()
    assert (seen[1:] == 255).all()
    four = files.read(tmp_path, Form(event_shape=(4, 6, 4), levels=256))
    assert (four[0, 1] == (*RED, 0)).all()


def test_jpeg_and_the_rotation_of_a_camera(tmp_path):
    tall = Image.new("RGB", (4, 6), RED)
    tall.paste(BLUE, (0, 3, 4, 6))
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned clockwise
    tall.save(tmp_path / "photo.JPG", exif=exif, quality=100, subsampling=0)
    (image,) = files.read(tmp_path, COLOUR)

    np.testing.assert_allclose(image[:, :3], np.broadcast_to(BLUE, (4, 3, 3)), atol=4)
    np.testing.assert_allclose(image[:, 3:], np.broadcast_to(RED, (4, 3, 3)), atol=4)


def test_another_size_is_refused_or_scaled_and_cropped(tmp_path):
    image = Image.new("RGB", (48, 8), RED)
    image.paste(BLUE, (8, 0, 40, 8))
    image.save(tmp_path / "wide.png")

    with pytest.raises(
        ValueError, match=r"`path`: .*wide.png must .* 4 x 6; received 8 x 48.*`resize`"
    ):
        files.read(tmp_path, COLOUR)
    (scaled,) = files.read(tmp_path, COLOUR, resize=True)
    assert scaled.shape == (4, 6, 3)
    assert (scaled == BLUE).all()


def test_more_than_8_bits_are_refused(tmp_path):
    Image.fromarray(PIXELS.astype(np.uint16) * 256).save(tmp_path / "deep.png")

    with pytest.raises(
        ValueError, match=r"deep.png must have 8 bits a channel; received mode I;16"
    ):
        files.read(tmp_path, GREY)


@pytest.mark.parametrize("keep", [0, 20, 60])
def test_a_broken_image_is_named(folder, keep):
    good = (folder / "1.png").read_bytes()
    (folder / "1.png").write_bytes(good[:keep])

    with pytest.raises(ValueError, match=r"`path`: the image .*1\.png cannot be read"):
        files.read(folder, GREY)


def test_a_folder_without_images_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"must hold images \(\.png, \.jpg, \.jpeg\); found none"):
        files.read(tmp_path, GREY)


def test_a_folder_is_no_data_for_vectors(folder):
    with pytest.raises(ValueError, match=r"rows of shape \(5,\); received .*, a folder"):
        files.read(folder, VECTOR)


@pytest.fixture
def classes(tmp_path):
    for name, colour in (("cat", RED), ("dog", BLUE)):
        (tmp_path / name).mkdir()
        for i in range(3):
            Image.new("RGB", (6, 4), colour).save(tmp_path / name / f"{i}.png")
    return tmp_path


def test_subfolders_are_the_classes_of_a_conditional_model(classes):
    images, labels = files.read(classes, Form(event_shape=(4, 6, 3), levels=256, num_classes=2))

    np.testing.assert_array_equal(labels, [0, 0, 0, 1, 1, 1])
    assert (images[:3] == RED).all()
    assert (images[3:] == BLUE).all()
    assert len(files.read(classes, COLOUR)) == 6


def test_other_classes_than_the_model_has_are_refused(classes, folder):
    three = Form(event_shape=(4, 6, 3), levels=256, num_classes=3)
    with pytest.raises(ValueError, match="must hold 3 folders of images, one a class; received"):
        files.read(classes, three)  # two folders and images beside them
    for image in folder.glob("*.png"):
        image.unlink()
    with pytest.raises(ValueError, match="must hold 3 folders of images.*received cat, dog in"):
        files.read(classes, three)


def test_a_large_folder_is_read_while_it_is_used(classes, monkeypatch):
    form = Form(event_shape=(4, 6, 3), levels=256, num_classes=2)
    monkeypatch.setattr(image_folder, "IN_MEMORY_BYTES", 400)
    source = files.read(classes, form)
    assert isinstance(source, ImageFiles)
    assert source.labels.tolist() == [0, 0, 0, 1, 1, 1]
    assert len(source[1:3]) == 2
    data = prepare(source, None, form, batch_size=4, shuffle=True, seed=1)
    rows = data.first_batch()

    assert sorted(rows["condition"].numpy()) == [0, 0, 0, 1, 1, 1]
    assert list(rows["condition"].numpy()) != [0, 0, 0, 1, 1, 1]
    for x, label in zip(rows["x"], rows["condition"], strict=True):
        assert (x.numpy() == (RED, BLUE)[label]).all()


def test_grey_levels_of_a_large_folder_are_checked(folder, monkeypatch):
    monkeypatch.setattr(image_folder, "IN_MEMORY_BYTES", 0)
    few = dataclasses.replace(GREY, levels=3)
    data = prepare(files.read(folder, few), None, few, batch_size=1, shuffle=False)
    with pytest.raises(ValueError, match=r"must hold grey levels in \[0, 3\)"), reading(data):
        list(data.batches)


def test_a_broken_image_of_a_large_folder_is_named(folder, monkeypatch):
    monkeypatch.setattr(image_folder, "IN_MEMORY_BYTES", 0)
    (folder / "2.png").write_bytes(b"")
    data = prepare(files.read(folder, GREY), None, GREY, batch_size=1, shuffle=False)

    with pytest.raises(ValueError, match=r"`path`: the image .*2\.png cannot"), reading(data):
        list(data.batches)
