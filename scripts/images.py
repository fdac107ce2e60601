"""`make images`: the base images now, with the settings of this host, instead of at the first build."""

from cli import installation

if __name__ == "__main__":
    installation.carry_out("builder_service.make_bases")
