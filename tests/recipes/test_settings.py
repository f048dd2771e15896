"""Settings of a recipe as the environment gives them."""

import pytest

from spml.errors import UserError
from spml.recipes.outside import CamInput, ListInput
from spml.recipes.settings import Settings, need_val_split, read_settings


def test_nothing_given_is_one_process_on_val_with_the_recipes_own_folders():
    settings = read_settings({}, "/home/me")
    assert (settings.processes, settings.split, settings.out, settings.opts) == (1, "val", "", ())
    assert read_settings({"OUT": "", "NPROC": "", "SPLIT": ""}, "/home/me") == settings


def test_relative_folders_are_those_of_the_users_folder():
    settings = read_settings({"OUT": "mine", "DATA": "../d", "CAMS": "/cams", "DATAROOT": "."}, "/home/me")
    assert (settings.out, settings.data, settings.cams) == ("/home/me/mine", "/home/d", "/cams")
    assert settings.dataroot == "/home/me"


def test_a_configuration_is_the_users_or_the_projects_and_contours_are_a_file_or_the_image(tmp_path):
    (tmp_path / "mine.yaml").write_text("")
    environment = {"CONFIG": "mine.yaml", "CONTOURS": "hed.pth", "BASELINES": "0"}
    settings = read_settings(environment, str(tmp_path))
    assert (settings.config, settings.contours) == (str(tmp_path / "mine.yaml"), str(tmp_path / "hed.pth"))
    assert not settings.baselines and read_settings({}, "/").baselines
    settings = read_settings({"CONFIG": "configs/own/resnet50.yaml", "CONTOURS": "image"}, str(tmp_path))
    assert (settings.config, settings.contours) == ("configs/own/resnet50.yaml", "image")


def test_several_words_are_split_as_a_shell_splits_them():
    environment = {"OPTS": "network.pretrained '' train.crop_size [64,64] dataset.tags_file '/a b/c #1: d'"}
    assert read_settings(environment, "/").opts[1::2] == ("", "[64,64]", "/a b/c #1: d")


@pytest.mark.parametrize(
    ("name", "value", "line"),
    [
        ("NPROC", "two", "NPROC=two: expected a whole number from 1 to 4096"),
        ("NPROC", "0", "NPROC=0: expected"),
        ("SPLIT", "tset", "SPLIT=tset: expected val or test"),
        ("BASELINES", "no", "BASELINES=no: expected 0 or 1"),
        ("LIST", "yes", "LIST=yes: expected 0 or 1"),
        ("OPTS", "a 'b", "OPTS=a 'b: cannot be split into words"),
    ],
)
def test_a_value_that_cannot_be_is_refused_with_its_name(name, value, line):
    with pytest.raises(UserError, match=line):
        read_settings({name: value}, "/")


def test_data_sets_without_test_images_refuse_them_and_name_those_that_have_some():
    need_val_split(Settings(), "toy")
    with pytest.raises(UserError, match=r"SPLIT=test: the toy recipes .*; expected val \(voc12 and msrc21 have both\)"):
        need_val_split(Settings(split="test"), "toy")


def test_the_list_is_asked_for_by_its_name():
    assert read_settings({"LIST": "1"}, "/").listing and not read_settings({}, "/").listing


def test_names_that_no_system_can_hold_are_files_that_are_not_there(tmp_path):
    long = "x" * 5000
    (tmp_path / "list.txt").write_bytes(f"\ufeff{long}.jpg a\0.png b.png\n".encode())
    (tmp_path / "cams").mkdir()
    assert len(ListInput("list.txt", ".").fingerprint(str(tmp_path))) > 8
    assert ListInput(long, ".").fingerprint(str(tmp_path)) == "absent"
    with pytest.raises(UserError, match="CAMS=cams: x*") as error:
        CamInput("cams", "list.txt").check(str(tmp_path))
    assert len(str(error.value)) < 1000
