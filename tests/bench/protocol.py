"""Prints what protocol_bench measured, beside the targets; as ratios to memcpy in the same run
where that makes sense.

usage: protocol.py PROGRAM
"""

import json
import subprocess
import sys

GIGABYTE = 1 << 30


def measured(program):
    command = [program, "--benchmark_format=json", "--benchmark_repetitions=5",
               "--benchmark_report_aggregates_only=true", "--benchmark_min_time=0.2"]
    said = subprocess.run(command, capture_output=True, check=True).stdout
    runs = json.loads(said)["benchmarks"]
    return {run["run_name"]: run for run in runs if run["aggregate_name"] == "median"}


def main():
    runs = measured(sys.argv[1])
    memcpy = runs["memcpy_64k"]["bytes_per_second"]

    def ratio(name):
        return runs[name]["bytes_per_second"] / memcpy

    def row(what, value, target):
        print(f"{what:<44}{value:>12}   target {target}")

    row("memcpy of 64 KiB", f"{memcpy / GIGABYTE:.1f} GB/s", "-")
    row("unmask 64 KiB, of memcpy's speed", f"{ratio('unmask_64k'):.2f}", "0.5 or more")
    row("check ASCII as UTF-8, of memcpy's speed", f"{ratio('utf8/ascii'):.2f}", "0.4 or more")
    for text in ("mixed", "japanese"):
        speed = runs[f"utf8/{text}"]["bytes_per_second"] / GIGABYTE
        row(f"check {text} text as UTF-8", f"{speed:.2f} GB/s", "1 GB/s or more")
    for what, name, target in (("parse the header of a small frame", "parse_header", "below 15 ns"),
                               ("parse a small frame, all rules", "parse_frame", "-"),
                               ("a small frame to a message", "assemble_message", "-")):
        row(what, f"{runs[name]['cpu_time']:.1f} ns", target)


main()
