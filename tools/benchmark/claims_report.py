"""The page of a claim: tables, raw numbers and a plot of what its runs gave."""

import json
import statistics
from pathlib import Path

import matplotlib.pyplot as plt
import torch
from measuring import processor
from mmengine.config import Config

import mmpose_ext
from mmpose_ext.fileio import atomic_path, write_text

PRETRAINING = 'pretraining'  # the setting of pretrainings


def spread(values: list[float], digits: int) -> str:
    """Write mean and, of several values, the sample standard deviation."""
    mean = f'{statistics.mean(values):.{digits}f}'
    return f'{mean} ± {statistics.stdev(values):.{digits}f}' if len(values) > 1 else mean


def table(claim: Config, results: list[dict]) -> str:
    """Write the Markdown table: a row for each arm in each setting."""
    main = claim.metrics[0]
    digits = claim.get('digits', 3)
    names = ' | '.join(f'{metric} (mean ± sd)' for metric in claim.metrics)
    lines = [
        f'| setting | arm | {names} | {main} by seed | difference to {claim.baseline}, by seed '
        '| s a run |',
        '|---' * (len(claim.metrics) + 5) + '|',
    ]
    for setting, arms in claim.settings.items():
        scores = {
            arm: [r for r in results if (r['setting'], r['arm']) == (setting, arm)] for arm in arms
        }
        reference = {r['seed']: r['metrics'][main] for r in scores.get(claim.baseline, [])}
        for arm, rows in scores.items():
            by_seed = {r['seed']: r['metrics'][main] for r in rows}
            gaps = [f'{v - reference[s]:+.{digits}f}' for s, v in by_seed.items() if s in reference]
            means = ' | '.join(
                spread([r['metrics'][metric] for r in rows], digits) if rows else 'not run'
                for metric in claim.metrics
            )
            seconds = f'{statistics.mean([r["train_seconds"] for r in rows]):.0f}' if rows else ''
            lines.append(
                f'| {setting} | {arm} | {means} | '
                f'{" ".join(f"{v:.{digits}f}" for v in by_seed.values())} | '
                f'{"" if arm == claim.baseline else " ".join(gaps)} | {seconds} |'
            )
    return '\n'.join(lines)


def pretraining_table(claim: Config, results: list[dict]) -> str:
    """Write the Markdown table of the pretrainings: a row each."""
    metrics = claim.pretraining_metrics
    digits = claim.get('pretraining_digits', claim.get('digits', 3))
    lines = [
        f'| pretraining | {" | ".join(f"{metric} (mean ± sd)" for metric in metrics)} | s a run |',
        '|---' * (len(metrics) + 2) + '|',
    ]
    for name in claim.pretrainings:
        rows = [r for r in results if (r['setting'], r['arm']) == (PRETRAINING, name)]
        if rows:
            means = [spread([r['metrics'][metric] for r in rows], digits) for metric in metrics]
            seconds = statistics.mean([r['train_seconds'] for r in rows])
            lines.append(f'| {name} | {" | ".join(means)} | {seconds:.0f} |')
    return '\n'.join(lines)


def report(
    claim: Config, name: str, results: list[dict], planned: int, out: Path, command: str
) -> str:
    """Write the JSON and the Markdown page of what has been run so far, of so many planned."""
    data = ', '.join(f'{key} {value}' for key, value in claim.data.items())
    picture = ''
    if 'curve' in claim and results:
        plot_curves(claim, results, out / f'{name}.png')
        picture = (
            f'![{claim.curve} over the training]({name}.png)\n\n'
            f'*{claim.curve} over the training: mean of the seeds, and their range.*'
        )
    paragraphs = [
        f'# {claim.title}',
        f'**Claim.** {claim.claim} Source: {claim.source}.',
        table(claim, results),
        picture,
        pretraining_table(claim, results) if 'pretrainings' in claim else '',
        claim.get('reading', ''),
        f'{len(results)} of {planned} runs. Mannequins: {data}. '
        f'{claim.get("tested", "Last checkpoint, flip test, ground-truth boxes.")}\n'
        f'Machine: {processor()}, torch {torch.__version__}; mmpose_ext {mmpose_ext.__version__}.',
        f'```\n{command}\n```\n',
    ]
    page = '\n\n'.join(filter(None, paragraphs))
    header = dict(claim=name, command=command, machine=processor(), data=dict(claim.data))
    write_text(out / f'{name}.json', json.dumps(dict(header, results=results), indent=2) + '\n')
    write_text(out / f'{name}.md', page)
    return page


def plot_curves(claim: Config, results: list[dict], path: Path) -> None:
    """Plot a claim's metric over the training: a panel for each setting, three in a row."""
    columns = min(len(claim.settings), 3)
    rows = -(-len(claim.settings) // columns)
    figure, panels = plt.subplots(
        rows, columns, figsize=(4 * columns, 3.2 * rows), sharey=True, squeeze=False
    )
    for panel, (setting, arms) in zip(panels.flat, claim.settings.items(), strict=False):
        for color, arm in enumerate(arms):
            curves = [r['curve'] for r in results if (r['setting'], r['arm']) == (setting, arm)]
            if not curves:
                continue
            steps = sorted(set.intersection(*map(set, curves)), key=int)
            values = [[curve[step] for step in steps] for curve in curves]
            x = [int(step) for step in steps]
            mean, low, high = (
                [of(at_step) for at_step in zip(*values, strict=True)]
                for of in (statistics.mean, min, max)
            )
            panel.plot(x, mean, label=arm, color=f'C{color}')
            panel.fill_between(x, low, high, alpha=0.2, color=f'C{color}', linewidth=0)
            panel.legend(fontsize='small')
        panel.set(title=setting, xlabel='training step', ylabel=claim.curve)
        panel.grid(alpha=0.3)
    figure.tight_layout()
    with atomic_path(path) as temporary:
        figure.savefig(temporary, dpi=100)
    plt.close(figure)
