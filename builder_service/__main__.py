"""`python -m builder_service`: the environment read, real adapters, run."""

import os

from builder_service.app import Builder
from builder_service.fetch import Source
from builder_service.git import CloneLimits
from builder_service.operator_env import Operator
from builder_service.settings import BuilderSettings
from builder_service.workshop import Workshop
from shared import doctor, logs, retire, tracing
from shared.bus_open import open_bus
from shared.containers_docker import connect
from shared.control import Control
from shared.host import boot_id, host_id, worker_id
from shared.place import take_place
from shared.process import run_until_signalled, settings_or_exit


def source_of(settings: BuilderSettings) -> Source:
    """Where this installation's clones may come from."""
    return Source(
        allowed=settings.allowed,
        limits=CloneLimits(settings.clone_bytes, settings.clone_files, settings.clone_seconds),
        ca=settings.build_ca,
        proxy=settings.build_proxy,
    )


def main() -> None:
    settings = settings_or_exit(BuilderSettings, os.environ)
    logs.configure("builder", json=settings.log_json)
    tracing.configure(settings.traces_url, "builder")
    place = take_place(settings.state, mode=0o711)
    worker = worker_id(
        settings.worker_host or host_id(settings.state), boot_id(), "builder", place.number
    )
    control = Control(settings.url, settings.secret("worker-token"), worker)
    containers = connect(settings.data, allow=settings.build_allow)
    bus = open_bus(settings.bus_url, settings.data)
    workshop = Workshop(
        control=control,
        containers=containers,
        data=settings.data,
        state=settings.state,
        place=place.folder,
        source=source_of(settings),
        operator=Operator(
            settings.build_ca,
            settings.build_proxy,
            settings.build_python_index,
            settings.build_node_registry,
            settings.build_maven_mirror,
            settings.build_go_proxy,
            settings.build_gem_source,
            settings.build_cpan_mirror,
            settings.build_cran_mirror,
        ),
        silence_seconds=settings.builder_silence_seconds,
    )
    try:
        builder = Builder(settings, workshop, bus, lambda: doctor.quick(containers))
        retire.on_request(builder.leave_if_idle)
        run_until_signalled(builder)
    finally:
        bus.close()
        control.close()
        containers.close()
        place.leave()


if __name__ == "__main__":
    main()
