"""What an operator sets reaches build steps by the variables that their programs read."""

from builder_service.operator_env import Operator


def test_mirrors_of_ruby_perl_and_r() -> None:
    made = Operator(
        gem_source="https://gems.example/",
        cpan_mirror="https://cpan.example/",
        cran_mirror="https://cran.example/",
    ).environment()

    assert made["TOOLYARD_GEM_SOURCE"] == "https://gems.example/"
    assert made["TOOLYARD_CPAN_MIRROR"] == "https://cpan.example/"
    assert made["TOOLYARD_CRAN_MIRROR"] == "https://cran.example/"
    assert not any(name.startswith("TOOLYARD_") for name in Operator().environment())
