from spml.prepare.list_files import describe_missing


def test_missing_files_are_counted_by_folder_with_the_first_named(tmp_path):
    (tmp_path / "image").mkdir()
    (tmp_path / "image/0.jpg").touch()
    rows = [(f"image/{n}.jpg", f"label/{n}.png", f"label/{n}.png") for n in range(5)]
    assert describe_missing("val.txt", rows, tmp_path) == [
        "val.txt: 4 of 5 files in image are missing: image/1.jpg, image/2.jpg, image/3.jpg, ...",
        "val.txt: 5 of 5 files in label are missing: label/0.png, label/1.png, label/2.png, ...",
    ]
