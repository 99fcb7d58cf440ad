"""The stand-ins as a process: what fails beside them is not taken for their failure."""

from pathlib import Path

import pytest

from console.demo.standins import standing_in


async def runs_out_of_time(data: Path) -> None:
    async with standing_in(data) as stand_ins:
        assert "invoices" in await stand_ins.state("xero")
        raise TimeoutError("no rest within 300 s")


async def test_what_runs_out_of_time_beside_them_says_so_itself(tmp_path: Path) -> None:
    with pytest.raises(TimeoutError, match="no rest"):
        await runs_out_of_time(tmp_path)
