"""What is checked and predicted in a test leaves nothing on the desk of the person who runs it."""

import pytest


@pytest.fixture(autouse=True)
def a_desk_of_its_own(tmp_path_factory, monkeypatch):
    folder = tmp_path_factory.mktemp("desk")
    monkeypatch.setenv("LLMASOS_EDU_DATA", str(folder))
    return folder
