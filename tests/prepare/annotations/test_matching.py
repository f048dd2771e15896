import numpy as np
import pytest

from spml.errors import UserError
from spml.prepare.annotations.formats import read_annotations
from spml.prepare.annotations.matching import Remark, match
from spml.prepare.annotations.model import ImageAnnotations, Mask, Point, Polygon, Rectangle, Stroke, Tag, mask_of


def said(*shapes, name="a", size=(40, 60), **more):
    return ImageAnnotations(name, "file", size, [*shapes], **more)


def point(x, y, name="cow"):
    return Point(name, "place", x, y)


def fitted(context, *annotations):
    """The shapes of photograph a, and the kinds of notes with their texts."""
    photographs, notes = match([*annotations, said(Tag("cow", ""), name="b", size=None)], context(a=(40, 60), b=(4, 4)))
    return photographs[0].shapes, [(note.remark, note.text) for note in notes]


def test_shapes_get_the_ids_of_their_classes(context):
    shapes, notes = fitted(context, said(point(1, 2), point(1, 2, "grass"), point(1, 2, "void")))
    assert [value for _, value in shapes] == [1, 2, 255] and not notes


def test_unknown_classes_are_left_out_with_the_nearest_name(context):
    shapes, notes = fitted(context, said(point(1, 2, "cows")))
    assert not shapes and notes == [(Remark.UNKNOWN_CLASS, "'cows', did you mean 'cow'?")]


def test_photographs_and_annotations_that_lack_the_other_are_named(context):
    _, notes = fitted(context, said(point(1, 2), name="elsewhere.jpg"))
    assert notes == [(Remark.NO_PHOTOGRAPH, "'elsewhere.jpg'"), (Remark.NO_ANNOTATION, "a")]


def test_shapes_outside_are_left_out_and_partly_outside_cut(context):
    shapes = [
        point(70, 5),
        Rectangle("cow", "", 60, 0, 70, 5),
        Stroke("cow", "", np.array([[-9.0, 5], [5, 5]])),
        point(60, 40),
        Polygon("cow", "", (np.array([[0, 0], [60, 0], [60, 40.0]]),)),
    ]
    found, notes = fitted(context, said(*shapes))
    assert len(found) == 3
    assert [remark for remark, _ in notes] == [Remark.OUTSIDE, Remark.OUTSIDE, Remark.CUT]


def test_annotations_of_a_smaller_copy_are_scaled_and_of_another_form_left_out(context):
    shapes, notes = fitted(context, said(point(5, 5), size=(20, 30)), said(point(5, 5), size=(60, 40)))
    assert [(shape.x, shape.y) for shape, _ in shapes] == [(10, 10)]
    assert [remark for remark, _ in notes] == [Remark.SCALED, Remark.OTHER_SIZE]


def test_shares_of_the_image_become_pixels_without_a_note(context):
    shapes, notes = fitted(context, said(point(0.5, 0.5), size=None, relative=True))
    assert (shapes[0][0].x, shapes[0][0].y) == (30, 20) and not notes


def test_files_of_one_photograph_add_up_in_their_order(context):
    shapes, _ = fitted(context, said(point(1, 1)), said(point(2, 2, "grass"), name="A.JPG"))
    assert [value for _, value in shapes] == [1, 2]


def test_what_readers_left_out_is_passed_on(context):
    _, notes = fitted(context, said(point(1, 1), left_out=[("<cuboid>", "place")]))
    assert notes == [(Remark.NOT_READ, "<cuboid>")]


def test_annotations_of_which_nothing_can_be_taken_are_refused(context):
    with pytest.raises(UserError, match="nothing in them.*first: unknown classes, left out, 'horse'"):
        match([said(point(1, 1, "horse"))], context(a=(40, 60)))


def test_a_mask_beyond_a_small_stated_image_is_cut_before_it_is_scaled(context):
    mask = mask_of("cow", "", np.ones((3000, 3000), bool), 1, 0)
    shapes, notes = fitted(context, said(mask, size=(4, 6)))
    (found, _), _ = shapes[0], notes
    assert isinstance(found, Mask) and (found.left, found.top, found.size) == (10, 0, (40, 50))


def test_annotations_of_a_photograph_on_its_side_are_said_to_be_so(context):
    _, notes = fitted(context, said(point(1, 2), size=(60, 40)))
    assert notes == [(Remark.OTHER_SIZE, "40×60 stated, the photograph has 60×40 when upright")]


def test_a_file_called_as_one_photograph_that_speaks_of_another_is_named(context):
    notes = fitted(context, said(point(1, 2), other_names=("b",)))[1]
    assert notes == [(Remark.TWO_NAMES, "b, of a")]
    assert not fitted(context, said(point(1, 2), other_names=("a", "nowhere")))[1]


def test_files_of_one_name_in_several_folders_are_named(context):
    found = [said(point(1, 2), name=name) for name in ("cam1/a.jpg", "cam2/a.jpg", "a.jpg", "..\\cam1\\a.jpg")]
    _, notes = fitted(context, *found)
    assert notes == [(Remark.ONE_NAME, "a of cam1 and cam2")]


def test_augmented_copies_of_a_photograph_are_refused(context):
    found = [said(point(1, 2), name=f"a_jpg.rf.{ending}.jpg") for ending in ("11aa", "11aa", "22bb")]
    fitted(context, *found[:2])
    with pytest.raises(
        UserError, match="a_jpg.rf.22bb.jpg' and 'a_jpg.rf.11aa.jpg' are copies of photograph a, turned"
    ):
        fitted(context, *found)


def test_files_of_one_name_below_a_folder_that_speak_of_one_photograph_are_named(tmp_path, context):
    for folder in ("day1", "day2"):
        (tmp_path / "set" / folder).mkdir(parents=True)
        (tmp_path / "set" / folder / "a.txt").write_text("0 0.5 0.5 0.2 0.4\n")
    known = context(names=("cow", "grass"), background=False, a=(40, 60))
    _, notes = match(read_annotations([tmp_path / "set"], known).annotations, known)
    assert [(note.remark, note.text) for note in notes] == [(Remark.ONE_NAME, "a of day1 and day2")]
    given = [tmp_path / "set" / folder for folder in ("day1", "day2")]  # as one gives points and strokes
    assert not match(read_annotations(given, known).annotations, known)[1]


def test_photographs_that_are_said_to_be_empty_are_named(context):
    known = context(a=(40, 60), b=(4, 4))
    _, notes = match([said(point(1, 1)), said(name="b", size=(4, 4))], known)
    assert [(note.remark, note.text) for note in notes] == [(Remark.EMPTY, "b")]
