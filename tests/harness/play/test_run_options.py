"""`stuntkey run`, as it is typed, where it plays nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from harness.cli import main

PLAYS = Path(__file__).parents[3] / "scenarios" / "okx_web"


def run(*arguments: str) -> Result:
    return CliRunner(env={"COLUMNS": "300"}).invoke(main, ["run", str(PLAYS), *arguments])


def listed(*arguments: str) -> list[str]:
    result = run("--list", *arguments)
    assert result.exit_code == 0, result.output
    heading, *rows = result.output.splitlines()
    assert heading.split() == ["play", "rows", "story"]
    return [row.split()[0] for row in rows]


def test_shards_divide_a_run_among_machines() -> None:
    everything = listed()
    one, other = listed("--shard", "1/2"), listed("--shard", "2/2")
    assert sorted([*one, *other]) == sorted(everything)
    assert len(everything) == len(set(everything))
    assert abs(len(one) - len(other)) <= 1


def test_a_shard_is_one_of_what_was_chosen() -> None:
    chosen = listed("-k", "W7")
    assert sorted([*listed("-k", "W7", "--shard", "1/2"), *listed("-k", "W7", "--shard", "2/2")]) == sorted(
        chosen
    )
    assert 0 < len(chosen) < len(listed())


@pytest.mark.parametrize("wrong", ["0/2", "3/2", "1", "1/", "/2", "one/two"])
def test_a_shard_that_there_is_not(wrong: str) -> None:
    result = run("--list", "--shard", wrong)
    assert result.exit_code == 2
    assert "write i/n with i from 1 to n, such as 1/4" in result.output
