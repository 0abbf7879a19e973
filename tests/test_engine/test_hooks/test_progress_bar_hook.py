import gc
import io
import logging
import re
import sys

import pytest
from mmengine.hooks import CheckpointHook
from mmengine.logging import MessageHub
from rich.console import Console
from tiny_runs import tiny_runner

from mmpose_ext.engine import ProgressBarHook
from mmpose_ext.engine.hooks.progress_bar_hook import AboveBars, is_watched, training_note


class Terminal(io.StringIO):
    def isatty(self):
        return True


def watch(monkeypatch):
    """Put a terminal of 160 columns in the place of standard output.

    In the test itself: pytest has streams of its own for fixtures.
    """
    screen = Terminal()
    monkeypatch.setattr(sys, 'stdout', screen)
    monkeypatch.setenv('TERM', 'xterm-256color')
    monkeypatch.setenv('COLUMNS', '160')
    for name in ('NO_COLOR', 'FORCE_COLOR', 'TTY_COMPATIBLE'):
        monkeypatch.delenv(name, raising=False)
    return screen


def drawn_by(terminal):
    """What was written, without the codes that move the cursor and colour."""
    return re.sub(r'\x1b\[[?0-9;]*[A-Za-z]', '', terminal.getvalue())


def test_shows_the_training_and_gives_the_terminal_back(monkeypatch, tmp_path):
    terminal = watch(monkeypatch)
    runner = tiny_runner(tmp_path, [ProgressBarHook()])
    (handler,) = [h for h in runner.logger.handlers if getattr(h, 'stream', None) is terminal]
    runner.train()
    drawn = drawn_by(terminal)
    last = [line for line in drawn.splitlines() if line.startswith('epoch')][-1]
    # Four steps of gradient 2w at rate 0.1: the loss is 0.8 to the powers 0, 2, 4, 6.
    assert '4/4' in last
    assert f'loss {(1 + 0.8**2 + 0.8**4 + 0.8**6) / 4:.4g}, lr 0.1' in last
    assert 'best tiny/error 0.64' in last  # of the first epoch; the second is not validated yet
    assert 'epoch 2/2' in last
    assert 'validate' in drawn
    assert '2/2' in drawn
    # The log goes by above, whole.
    assert re.search(r'Epoch\(train\)\s+\[2\]\[2/2\]', drawn)
    assert sys.stdout is terminal
    assert handler.stream is terminal
    assert '\x1b[?25l' in terminal.getvalue()  # the cursor was hidden and is shown again
    assert terminal.getvalue().rindex('\x1b[?25h') > terminal.getvalue().rindex('\x1b[?25l')


def test_shows_the_metric_that_mmengine_chose(monkeypatch, tmp_path):
    terminal = watch(monkeypatch)
    runner = tiny_runner(tmp_path, [ProgressBarHook()])
    (checkpoint,) = [hook for hook in runner.hooks if isinstance(hook, CheckpointHook)]
    checkpoint._init_rule(['less'], ['auto'])
    runner.train()
    drawn = drawn_by(terminal)
    assert 'best tiny/error 0.64' in drawn
    assert 'best auto' not in drawn


def test_shows_tests(monkeypatch, tmp_path):
    terminal = watch(monkeypatch)
    tiny_runner(tmp_path, [ProgressBarHook(refresh_per_second=100)]).test()
    assert re.search(r'test\s.*2/2', drawn_by(terminal))


def test_a_training_that_dies_gives_the_terminal_back(monkeypatch, tmp_path):
    terminal = watch(monkeypatch)
    runner = tiny_runner(tmp_path, [ProgressBarHook()], dies_at=3)
    (handler,) = [h for h in runner.logger.handlers if getattr(h, 'stream', None) is terminal]
    with pytest.raises(KeyboardInterrupt):
        runner.train()
    assert sys.stdout is not terminal
    del runner
    gc.collect()
    assert sys.stdout is terminal
    assert handler.stream is terminal
    assert terminal.getvalue().endswith('\x1b[?25h')


def test_is_silent_where_nobody_watches(tmp_path, capfd):
    runner = tiny_runner(tmp_path, [ProgressBarHook()])
    before = sys.stdout
    runner.train()
    assert sys.stdout is before
    assert '\x1b[?25' not in capfd.readouterr().out
    assert (tmp_path / 'epoch_2.pth').is_file()


def logger_of(*handlers):
    logger = logging.Logger('some run')
    for handler in handlers:
        logger.addHandler(handler)
    return logger


def test_watched_is_a_terminal_that_the_log_goes_to(monkeypatch, tmp_path):
    terminal = watch(monkeypatch)
    file = logging.FileHandler(tmp_path / 'run.log')
    assert is_watched(logger_of(file, logging.StreamHandler(terminal)))
    assert is_watched(logger_of(logging.StreamHandler(sys.stderr)))
    assert not is_watched(logger_of(file))
    assert not is_watched(logger_of())
    file.close()
    monkeypatch.setenv('TERM', 'dumb')
    assert not is_watched(logger_of(logging.StreamHandler(terminal)))
    monkeypatch.setenv('TERM', 'xterm')
    monkeypatch.setenv('FORCE_COLOR', '1')
    monkeypatch.setattr(sys, 'stdout', io.StringIO())  # colours in a file are no terminal
    assert not is_watched(logger_of(logging.StreamHandler(sys.stdout)))


def test_forked_processes_write_as_before():
    shown, plain = io.StringIO(), io.StringIO()
    stream = AboveBars(Console(file=shown), plain)
    stream.write('of the run\n')
    stream._process = -1
    stream.write('of a loader\n')
    stream.flush()
    assert (shown.getvalue(), plain.getvalue()) == ('of the run\n', 'of a loader\n')


def test_note_says_what_is_known():
    hub = MessageHub('test_note')
    assert training_note(hub, 'AP', 2) == ''
    for loss in (9.0, 2.0, 4.0):
        hub.update_scalar('train/loss', loss)
    assert training_note(hub, None, 2) == 'loss 3'
    hub.update_scalar('train/lr', 0.00123456)
    hub.update_info('best_score', 0.71239)
    assert training_note(hub, 'AP', 2) == 'loss 3, lr 0.00123, best AP 0.7124'
    assert training_note(hub, None, 2) == 'loss 3, lr 0.00123'


@pytest.mark.parametrize('options', [dict(refresh_per_second=0), dict(window=0)])
def test_refuses(options):
    with pytest.raises(ValueError, match=next(iter(options))):
        ProgressBarHook(**options)
