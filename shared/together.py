"""Several services as threads of one process: they start together and end together."""

import threading
from collections.abc import Mapping

import structlog

from shared.process import Service

log = structlog.get_logger()


class Together:
    """Runs until stopped; when one of the services ends by itself, all are stopped."""

    def __init__(self, services: Mapping[str, Service]) -> None:
        self.parts = dict(services)
        self._stopping = False
        self.broken: list[str] = []
        """The services that ended without being told to."""

    def run(self) -> None:
        """Blocks until every service has ended."""
        threads = [
            threading.Thread(target=self._run, args=(name, service), name=name)
            for name, service in self.parts.items()
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def stop(self) -> None:
        """Tell all to finish what is in their hands; safe in a signal handler."""
        self._stopping = True
        for service in self.parts.values():
            service.stop()

    def _run(self, name: str, service: Service) -> None:
        try:
            service.run()
        except Exception:
            log.exception("service_broke", part=name)
        if not self._stopping:
            self.broken.append(name)
            log.error("service_ended", part=name)
            self.stop()  # the supervisor starts the whole process anew
