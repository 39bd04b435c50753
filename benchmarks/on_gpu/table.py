"""The table for docs/BENCHMARKS.md."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_HEADINGS = (
    *("trainer", "losses as on the CPU", "compiled too", "step (s)", "compiled (s)"),
    *("x stock", "peak memory (GiB)", "planner's estimate (GB)", "prediction (s)"),
)


def markdown(report: Mapping[str, Any]) -> str:
    """Return the report as a table in Markdown, with a line about the machine and one about the ranks."""
    machine = report["machine"]
    where = f"{machine.get('gpu', 'CPU')}, torch {machine['torch']}, Python {machine['python']}"
    lines = [where, "", f"| {' | '.join(_HEADINGS)} |", "|" + "---|" * len(_HEADINGS)]
    stock = _step(report["trainers"].get("nnUNetTrainer", {}))
    for name, result in report["trainers"].items():
        lines.append(f"| {' | '.join(_row(name, result, stock))} |")
    return "\n".join([*lines, "", f"Two ranks: {_ranks(report['ranks'])}"])


def _row(name: str, result: Mapping[str, Any], stock: float | None) -> list[str]:
    if "losses" not in result:
        return [f"`{name}`", "failed" if "failed" in result else "not run", *[""] * (len(_HEADINGS) - 2)]
    plain, compiled = result.get("plain", {}), result.get("compiled", {})
    step = _step(result)
    return [
        f"`{name}`",
        _verdict(result["losses"]),
        _verdict(result.get("compiled_losses")),
        _number(plain.get("step_s"), ".3f"),
        _number(compiled.get("step_s"), ".3f"),
        _number(step / stock if step and stock else None, ".2f"),
        _number(plain.get("peak_gib"), ".2f"),
        _number(plain.get("planner_gb"), ".2f"),
        _number(plain.get("predict_s"), ".2f"),
    ]


def _step(result: Mapping[str, Any]) -> float | None:
    value: float | None = result.get("plain", {}).get("step_s")
    return value


def _verdict(losses: Mapping[str, Any] | None) -> str:
    if losses is None:
        return "not run"
    if not losses["finite"]:
        return "**not finite**"
    return f"{'yes' if losses['equal'] else '**no**'} ({100 * losses['first_off']:.2f} % off)"


def _ranks(result: Mapping[str, Any]) -> str:
    if "failed" in result:
        return "failed"
    if "skipped" in result:
        return f"not run ({result['skipped']})"
    return (
        f"losses {'finite' if result['finite'] else 'not finite'}, weights {'equal' if result['equal'] else 'unequal'}"
    )


def _number(value: float | None, form: str) -> str:
    return "" if value is None else format(value, form)
