"""`python -m runner_service`: the environment read, real adapters, run."""

import os

from runner_service.adapters import open_containers, open_work
from runner_service.app import Runner
from runner_service.image_store import ImageStore
from runner_service.settings import RunnerSettings
from shared import crashpoints, doctor, logs, retire, tracing
from shared.bus_open import open_bus
from shared.control import Control
from shared.host import boot_id, host_id, worker_id
from shared.place import take_place
from shared.process import run_until_signalled, settings_or_exit


def main() -> None:
    settings = settings_or_exit(RunnerSettings, os.environ)
    logs.configure("runner", json=settings.log_json)
    tracing.configure(settings.traces_url, "runner")
    crashpoints.arm(settings.crash)
    place = take_place(settings.state)
    boot = boot_id()
    worker = worker_id(
        settings.worker_host or host_id(settings.state), boot, "runner", place.number
    )
    control = Control(settings.url, settings.secret("worker-token"), worker)
    containers = open_containers(settings.data)
    bus = open_bus(settings.bus_url, settings.data)
    runner = Runner(
        settings,
        place,
        boot,
        bus=bus,
        control=control,
        containers=containers,
        work=open_work(place.folder),
        unsafe=lambda: doctor.quick(containers),
        images=ImageStore(
            containers,
            lambda lease: control.image_access("run", lease),
            settings.state / "pulled",
            percent=settings.image_disk_percent,
        ),
    )
    retire.on_request(runner.leave_if_idle)
    run_until_signalled(runner)
    if runner.running():
        # Left for a successor: adapters that close under their threads would look like failures,
        # and a failed run is given back.
        os._exit(0)
    bus.close()
    control.close()
    containers.close()
    place.leave()


if __name__ == "__main__":
    main()
