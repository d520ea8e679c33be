"""`explain`, and what the shell completes, through the command line."""

from __future__ import annotations

from command_line import Itest


def test_a_page_or_the_nearest_name(itest: Itest) -> None:
    page = itest("explain", "exit", "4")
    assert page.code == 0, page.text
    assert page.out.startswith("exit code 4: inconclusive")
    assert max(map(len, page.out.splitlines())) <= 80
    wrong = itest("explain", "upload_datset")
    assert wrong.code == 2
    assert wrong.err == "error: nothing is called 'upload_datset'\n  hint: did you mean 'upload_dataset'?\n"


def test_the_shell_completes_names(itest: Itest) -> None:
    def completed(words: str) -> list[str]:
        done = itest(
            _PYNOMALY_ITEST_COMPLETE="complete_bash",
            COMP_WORDS=f"pynomaly-itest {words}",
            COMP_CWORD=str(len(words.split(" "))),
        )
        return done.out.split()

    itest.profile("version: 1\nname: mine\nscenarios: []\n")
    assert completed("run -p smo") == ["smoke"]
    assert completed("run -p smoke --scenario hea") == ["health"]
    assert completed("run -p smoke -m sec") == ["security"]
    assert completed("run --probe JWT-0")[:2] == ["JWT-01", "JWT-02"]
    assert sorted(completed("explain kill_")) == ["kill_server", "kill_worker"]
    assert completed("validate perf") == ["performance"]
