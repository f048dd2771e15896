import pytest

from spml.errors import UserError
from spml.prepare.annotations.photographs import Photographs


@pytest.mark.parametrize(
    "name",
    [
        "photo.1.png", "photo.1", "sub/photo.1.jpg", "..\\images\\photo.1.png", "PHOTO.1.JPG",
        "/data/upload/1/1a2b3c4d-photo.1.png", "/data/local-files/?d=photos/photo.1.png",
        "https://host/photo.1.png?X-Amz=1/2", "s3://bucket/photo%2E1.png",
    ],
)  # fmt: skip
def test_paths_addresses_and_upload_prefixes_are_seen_through(photographs, name):
    assert Photographs(photographs(**{"photo.1": (4, 4), "other": (4, 4)})).find(name) == "photo.1"


def test_the_first_name_that_fits_counts_and_none_is_guessed(photographs):
    folder = Photographs(photographs(a=(4, 4), A=(4, 4), b=(4, 4)))
    assert folder.find("x.png", "b") == "b" and folder.find("x", "") is None
    assert folder.find("a.jpg") == "a" and folder.find("A.jpg") == "A"


def test_names_may_hold_white_space(photographs):
    assert Photographs(photographs(**{"my photo": (4, 4)})).find("upload/my%20photo.jpg") == "my photo"


def test_a_name_that_no_list_can_hold_is_refused_before_anything_is_read(photographs):
    with pytest.raises(UserError, match="has a line break in its name.*rename it"):
        Photographs(photographs(**{"my\nphoto": (4, 4)}))


def test_photographs_in_sub_folders_are_spoken_of(photographs, caplog):
    folder = photographs(a=(4, 4))
    (folder / "day one").mkdir()
    (folder / "a.png").rename(folder / "b.png")
    Photographs(folder)
    assert not caplog.text
    photographs(**{"day one/c": (4, 4)})
    assert list(Photographs(folder).paths) == ["b"]
    assert "1 images in sub-folders are not read, such as" in caplog.text and "c.png" in caplog.text


def test_a_name_that_is_not_in_utf_8_is_refused(photographs):
    folder = photographs(a=(4, 4))
    try:
        (folder / "a.png").rename(folder / "stra\udcdfe.png")
    except OSError:
        pytest.skip("this file system holds names in UTF-8 alone")
    with pytest.raises(UserError, match="not in UTF-8; rename it"):
        Photographs(folder)


@pytest.mark.parametrize(("name", "called"), [("rue%20x", "rue%20x.jpg"), ("caf\u0065\u0301", "caf\u00e9.jpg")])
def test_signs_may_be_written_in_two_ways(photographs, name, called):
    assert Photographs(photographs(**{name: (4, 4)})).find(called) == name


def test_pictures_of_formats_that_are_not_read_are_spoken_of(photographs, caplog):
    folder = photographs(a=(4, 4))
    (folder / "IMG_1.HEIC").write_bytes(b"")
    Photographs(folder)
    assert "IMG_1.HEIC not read; expected .jpg" in caplog.text


def test_names_of_uploads_and_of_roboflow_are_found(photographs):
    found = Photographs(photographs(**{"WhatsApp Image 2024 (1)": (4, 4), "b.c": (4, 4), "d e": (4, 4), "d_e": (4, 4)}))
    assert found.find("/data/upload/1/1a2b3c4d-WhatsApp_Image_2024_1.jpg") == "WhatsApp Image 2024 (1)"
    assert found.find("train/b.c_jpg.rf.0123456789abcdef0123456789abcdef.jpg") == "b.c"
    assert found.find("d_e.jpg") == "d_e" and found.find("1a2b3c4d-(d_e).jpg") is None
    assert found.find("WhatsApp_Image_2024_1.jpg") is None  # no upload
