"""[run-overhead] Submit to finished, idle, for a one-line tool, against its container alone."""

import time
from collections.abc import Callable, Iterator

import docker

from bench import bare
from bench.context import Context, finished, submit
from bench.figures import Figure, percentile

SAMPLES = 40


def measure(context: Context) -> Iterator[Figure]:
    hello, api = context.hello, context.platform.http()
    work = context.scratch / "bare"
    work.mkdir(exist_ok=True)
    work.chmod(0o777)
    engine = docker.APIClient()
    with api:

        def ours() -> None:
            end = finished(api, submit(api, hello.id))
            assert end["state"] == "succeeded", end

        samples: dict[str, list[float]] = {"ours": [], "bare": []}
        for n in range(SAMPLES + 3):
            # In turns, so that whatever else the machine does is the same for both.
            for name, one in (("ours", ours), ("bare", lambda: bare.run_once(engine, hello, work))):
                took = seconds(one)
                if n >= 3:
                    samples[name].append(took)
                time.sleep(0.1)
    engine.close()
    p50 = {name: percentile(found, 0.5) for name, found in samples.items()}
    p95 = percentile(samples["ours"], 0.95)
    yield Figure(
        "run-overhead",
        ours=p50["ours"] * 1000,
        bare=p50["bare"] * 1000,
        unit="ms",
        op="<=",
        value=1.5,
        note=f"p50 of {SAMPLES}; our p95 {p95 * 1000:.0f} ms",
    )


def seconds(one: Callable[[], None]) -> float:
    """How long a call takes."""
    started = time.perf_counter()
    one()
    return time.perf_counter() - started
