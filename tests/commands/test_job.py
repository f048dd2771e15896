"""What a job makes of its flags before anything runs."""

from spml.commands.flags import inference_parser
from spml.commands.job import Needs, crf_parameters, num_workers
from spml.inference.crf_settings import CRFParameters


def flags(words=""):
    return inference_parser("").parse_args(["--cfg_path", "c", "--save_dir", "s", *words.split()])


def test_flags_give_the_parameters_of_the_crf_and_default_to_the_papers():
    assert crf_parameters(flags()) == CRFParameters() == CRFParameters(10, 1, 3, 67, 4, 3)
    words = "--crf_iter_max 2 --crf_pos_xy_std 3 --crf_pos_w 4 --crf_bi_xy_std 5.5 --crf_bi_w 6 --crf_bi_rgb_std 7"
    assert crf_parameters(flags(words)) == CRFParameters(2, 3, 4, 5.5, 6, 7)


def test_the_processes_of_the_crf_are_the_cores_shared_by_the_ranks_of_a_machine(monkeypatch):
    monkeypatch.setattr("spml.commands.job.default_workers", lambda: 8)
    crf = Needs(crf=True)
    assert num_workers(flags(), crf, 100) == 8 and num_workers(flags(), crf, 3) == 3
    assert num_workers(flags("--workers 5"), crf, 100) == 5 and num_workers(flags("--workers 0"), crf, 100) == 0
    assert num_workers(flags(), Needs(), 100) == 0
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "3")
    assert num_workers(flags(), crf, 100) == 2
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "16")
    assert num_workers(flags(), crf, 100) == 1
