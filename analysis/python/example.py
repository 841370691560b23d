"""Which placement, and does it depend on the batch? moesim from a notebook.

Runs as it stands (/usr/bin/python3 analysis/python/example.py, python3-pandas for the tables), and cell
by cell in an editor that knows `# %%`.
"""

# %% The module is a file of this folder; there is nothing to install.
import pathlib
import sys

folder = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(folder))
import moesim

scenarios = folder.parents[1] / "scenarios"

# %% One run: the document that `moesim run --json` prints.
summary = moesim.run(scenarios / "quickstart.yaml", workload__steps=1)
metrics = moesim.metrics(summary)
print(f"{summary['scenario']['name']}: {metrics['tokens_per_s'] / 1e3:.0f} k tokens/s,"
      f" {metrics['straggler_wait_fraction']:.1%} of the time spent waiting")

# %% The same with the scenario as a dict: no file at all.
tiny = moesim.run(
    {
        "model": {"preset": "olmoe-1b-7b", "layers": 4},
        "cluster": {"preset": "h100-sxm", "nodes": 1},
        "workload": {"phase": "decode", "tokens_per_gpu": 64, "context": 1024, "steps": 2},
        "trace": {"kind": "lognormal", "sigma": 1.0},
    },
    placement="lpt",
)
print(f"a step of the dict's scenario: {tiny['metrics']['step_time_s']['mean'] * 1e6:.0f} µs")

# %% Placements side by side, on the same draws: one row for each. Fewer layers and steps than the file
# has, and the network by its bounds, because this is an example.
lab = scenarios / "policy_lab_decode.yaml"
small = {"model.layers": 7, "workload.steps": 2, "network.fidelity": "analytic"}
placements = moesim.compare(
    lab, vary={"placement": ["linear", "lpt", {"kind": "eplb", "redundant": 32}]}, seeds=3, **small
)
columns = ["variant", "tokens_per_s_per_gpu", "difference", "difference_low", "difference_high", "finding"]
print(placements[columns].to_string(index=False) if moesim.pandas else placements)

# %% How the gain grows with the batch: plain pandas from here on.
batches = moesim.compare(
    lab, vary={"workload.tokens_per_gpu": "32:128:x2", "placement": ["linear", "lpt"]}, **small
)
if moesim.pandas:
    table = batches.pivot(index="workload.tokens_per_gpu", columns="placement", values="tokens_per_s")
    print((table["lpt"] / table["linear"] - 1).map("{:+.1%}".format))

# %% A mistake raises the program's own words: the place, what is wrong, what to do.
try:
    moesim.run(lab, placement="lptt")
except moesim.MoesimError as error:
    print(error)
