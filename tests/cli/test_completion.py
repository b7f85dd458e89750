"""Shells complete the command's words, once somebody has asked for it."""

import subprocess

from tests.fixtures.command import typed


def test_the_script_knows_every_command_and_bash_takes_it(capsys, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    status, printed, said = typed(capsys, "--install-completion", "--shell", "bash")
    assert (status, said) == (0, "")
    (script,) = [path for path in tmp_path.rglob("fleeting") if path.is_file()]
    assert str(script) in printed
    text = script.read_text()
    assert all(word in text for word in ("analyze", "weights", "cite", "--track", "--executor"))
    subprocess.run(["bash", "-n", script], check=True)
    assert str(script) in (tmp_path / ".bashrc").read_text()
