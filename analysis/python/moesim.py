"""moesim from Python: runs, comparisons and sweeps as dicts and DataFrames.

Nothing to install: put this folder on the path. It runs the program and reads its JSON and SQLite, with
the standard library alone; tables are pandas DataFrames where pandas is there, else lists of dicts.

    import sys; sys.path.insert(0, "analysis/python")
    import moesim
    moesim.run("scenarios/quickstart.yaml", placement="lpt")["metrics"]["tokens_per_s"]
    moesim.compare("scenarios/quickstart.yaml", vary={"placement": ["linear", "lpt"]}, seeds=5)

Overrides are keys of a scenario, as --set has them. A dot is written as two underscores in a keyword:
workload__steps=2, or **{"workload.steps": 2}. A value may be a dict: placement={"kind": "eplb",
"redundant": 32}. A scenario is the path of a file, or a dict of what would stand in one.

The program is $MOESIM, else build/moesim of this checkout, else `moesim` of the PATH. What it cannot
do raises MoesimError with its own words.
"""

import contextlib
import json
import os
import pathlib
import re
import shutil
import sqlite3
import subprocess
import tempfile

try:
    import pandas
except ImportError:
    pandas = None

__all__ = ["MoesimError", "run", "compare", "sweep", "read_sweep", "metrics", "program"]


class MoesimError(Exception):
    """What the program wrote to stderr, and its exit code (2: bad input, 70: a bug)."""

    def __init__(self, text, exit_code):
        super().__init__(text)
        self.exit_code = exit_code


def program():
    """The path of the program that is run."""
    named = os.environ.get("MOESIM")
    built = pathlib.Path(__file__).resolve().parents[2] / "build" / "moesim"
    found = named or (str(built) if built.exists() else shutil.which("moesim"))
    if not found:
        raise MoesimError("no moesim: build it (./dev build), or set MOESIM to its path", 2)
    return found


def run(scenario, base=None, **overrides):
    """Simulates a scenario; returns its summary.json as a dict.

    `base` is the folder that paths in a dict are relative to (default: the working directory).
    """
    with _file_of(scenario, base) as path:
        return json.loads(_call(["run", path, "-q", "--json", *_settings(overrides)]))


def metrics(summary):
    """The metrics of a summary by their names with dots: {"step_time_s.mean": 0.0197, …}."""
    flat = {}

    def add(node, name):
        if isinstance(node, dict):
            for key, value in node.items():
                add(value, f"{name}.{key}" if name else key)
        else:
            flat[name] = node

    add(summary["metrics"], "")
    return flat


def compare(scenarios, vary=None, seeds=1, baseline=None, metric=None, base=None, **overrides):
    """Sets variants side by side on the same draws; a row for each, in their order.

    `scenarios` is one or a list of them. `vary` maps keys to lists of values, or to text as --vary
    takes it ("8:128:x4"); all combinations are run. Columns: variant, the varied keys, the mean of
    each metric over the seeds, then of `metric` (default: tokens_per_s_per_gpu) the difference to the
    baseline with its 95 % interval (difference, difference_low, difference_high), what that shows
    (finding) and how far the calibration's errors let the value itself be off (band_low, band_high).
    """
    several = scenarios if isinstance(scenarios, (list, tuple)) else [scenarios]
    arguments = ["-q", "--json", "--seeds", str(seeds), *_settings(overrides)]
    for key, values in (vary or {}).items():
        arguments += ["--vary", f"{_key(key)}={_values(values)}"]
    if baseline is not None:
        arguments += ["--baseline", str(baseline)]
    if metric is not None:
        arguments += ["--metric", metric]
    with contextlib.ExitStack() as files:
        paths = [files.enter_context(_file_of(one, base)) for one in several]
        document = json.loads(_call(["compare", *paths, *arguments]))
    return _table([_compared_row(variant) for variant in document["variants"]])


def sweep(points, out=None, base=None, jobs=None, **overrides):
    """Runs a sweep (a file, or a dict of what would stand in one); a row for each point and seed.

    `out` is the SQLite file of the results: one that is there goes on, and what it has is not run
    again. Without it the results are not kept. Points that fail are rows, too, with their error.
    """
    with contextlib.ExitStack() as stack:
        path = stack.enter_context(_file_of(points, base))
        if out is None:
            out = os.path.join(stack.enter_context(tempfile.TemporaryDirectory()), "sweep.sqlite")
        arguments = ["sweep", path, "-q", "-o", str(out), *_settings(overrides)]
        if jobs is not None:
            arguments += ["-j", str(jobs)]
        _call(arguments, answers=(0, 1))
        return read_sweep(out)


def read_sweep(path, view="results"):
    """A view of a sweep's SQLite file as a table: results, or a group of metrics (throughput, …)."""
    if not os.path.exists(path):
        raise MoesimError(f"{path}: there is no such file", 2)
    name = view.replace('"', '""')
    try:
        with contextlib.closing(sqlite3.connect(path)) as connection:
            connection.row_factory = sqlite3.Row
            rows = connection.execute(f'SELECT * FROM "{name}"').fetchall()
    except sqlite3.DatabaseError as error:
        raise MoesimError(f"{path}: {error}", 2) from error
    return _table([dict(row) for row in rows])


def _call(arguments, answers=(0,)):
    done = subprocess.run([program(), *arguments], capture_output=True, text=True, encoding="utf-8")
    if done.returncode not in answers:
        raise MoesimError(done.stderr.strip() or f"moesim ended with {done.returncode}", done.returncode)
    return done.stdout


def _key(name):
    return name.replace("__", ".")


def _value(value):
    """As a flow of YAML. Quotes only where words need them: "2 us" and "16:64:x2" are read as they are."""
    if hasattr(value, "tolist"):
        value = value.tolist()  # NumPy's numbers and arrays
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_value(key)}: {_value(item)}" for key, item in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(map(_value, value)) + "]"
    if isinstance(value, os.PathLike):
        value = os.fspath(value)
    if isinstance(value, str) and re.fullmatch(r"[\w./+-]([\w./+% :-]*[\w./+%-])?", value):
        return value if ": " not in value else json.dumps(value)
    return json.dumps(value)


def _values(values):
    if isinstance(values, str):
        return values
    return ",".join(value if isinstance(value, str) else _value(value) for value in values)


def _settings(overrides):
    words = []
    for name, value in overrides.items():
        words += ["--set", f"{_key(name)}={value if isinstance(value, str) else _value(value)}"]
    return words


@contextlib.contextmanager
def _file_of(scenario, base):
    """The path of a scenario; a dict is written down for as long as it is needed."""
    if not isinstance(scenario, dict):
        yield os.fspath(scenario)
        return
    document = {"name": "scenario", **scenario} if "model" in scenario else scenario
    text = "".join(f"{_value(key)}: {_value(value)}\n" for key, value in document.items())
    folder = os.fspath(base) if base is not None else os.getcwd()
    with tempfile.NamedTemporaryFile(
        "w", suffix=".yaml", prefix=".moesim-", dir=folder, encoding="utf-8"
    ) as file:
        file.write(text)
        file.flush()
        yield file.name


def _number(text):
    """What a label is where it is a number; Python would also take 1_000, nan and infinity for one."""
    try:
        return json.loads(text) if re.match(r"-?\d", text) else text
    except ValueError:
        return text


def _compared_row(variant):
    difference = variant["difference"] or {}
    interval = difference.get("interval") or {}
    band = variant["calibration_band"] or {}
    return {
        "variant": variant["name"],
        **{key: _number(text) for key, text in variant["labels"].items()},
        **variant["means"],
        "difference": difference.get("mean"),
        "difference_low": interval.get("low"),
        "difference_high": interval.get("high"),
        "finding": difference.get("finding"),
        "band_low": band.get("low"),
        "band_high": band.get("high"),
    }


def _table(rows):
    return rows if pandas is None else pandas.DataFrame(rows)
