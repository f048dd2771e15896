"""Score by instances against a plain loop."""

import numpy as np

from spml.evaluation.instances import InstanceScores, instance_scores, instances_per_class, weighted_iou


def plain_count(truth, instances, num_classes):
    count = np.zeros(num_classes, int)
    for instance in set(instances.ravel().tolist()):
        inside = truth[instances == instance].tolist()
        majority = min(set(inside), key=lambda label: (-inside.count(label), label))
        if majority < num_classes:
            count[majority] += 1
    return count


def test_counts_equal_a_plain_loop():
    rng = np.random.default_rng(0)
    for _ in range(20):
        truth = rng.choice([0, 1, 2, 3, 255], (6, 7)).astype(np.uint8)
        instances = rng.choice([0, 1, 2, 9, 255], (6, 7)).astype(np.uint8)
        np.testing.assert_array_equal(instances_per_class(truth, instances, 4), plain_count(truth, instances, 4))


def test_ids_0_and_255_are_instances_like_the_rest():
    truth = np.array([[0, 1, 2, 2]], np.uint8)
    instances = np.array([[0, 7, 255, 255]], np.uint8)
    assert instances_per_class(truth, instances, 3).tolist() == [1, 1, 1]


def test_tied_majority_goes_to_the_smallest_class():
    assert instances_per_class(np.array([2, 1], np.uint8), np.array([5, 5], np.uint8), 3).tolist() == [0, 1, 0]


def test_instance_that_is_mostly_void_is_not_counted():
    assert instances_per_class(np.array([255, 255, 1], np.uint8), np.zeros(3, np.uint8), 3).sum() == 0


def test_iou_of_a_class_is_weighted_by_its_instances():
    truth = np.array([0, 0, 1, 1, 1, 2], np.uint8)
    prediction = np.array([0, 0, 1, 1, 0, 1], np.uint8)
    instances = np.array([0, 0, 1, 2, 2, 3], np.uint8)
    total, count = weighted_iou(prediction, truth, instances, 3)
    assert count.tolist() == [1, 2, 1]
    np.testing.assert_allclose(total, [200 / 3, 2 * 50, 0])


def test_both_readings_of_divided_by_the_number_of_instances():
    scores = instance_scores(np.array([200.0, 50.0, 0.0]), np.array([2, 1, 0]), images=4)
    assert scores == InstanceScores(50.0, [100.0, 50.0, 0.0], 250 / 3, [2, 1, 0], 4)
