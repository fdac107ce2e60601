"""The base of Perl tools: Debian's Perl, a compiler for XS modules, and a program that installs modules."""

from builder_service.base_recipes.recipe import USER, Recipe

_MODULES = r"""
install -d -o 65532 -g 65532 /opt/perl5
cat > /usr/local/bin/toolyard-modules <<'END'
#!/usr/bin/perl
# Usage: toolyard-modules Module::Name…
# What is not there yet comes from CPAN into /opt/perl5, as far as CPAN answers; fails with the names of the rest.
use strict;
use warnings;
my @places = ('/app/lib', '/app', '/opt/perl5/lib/perl5', grep { !ref } @INC);

sub is_missing {
    my $file = shift() . '.pm';
    $file =~ s{::}{/}g;
    return !grep { -e "$_/$file" or glob("$_/*-linux-gnu*/$file") } @places;
}

my @missing = grep { is_missing($_) } @ARGV;
exit 0 unless @missing;
print "not from Debian: @missing\n";
my @mirror = $ENV{TOOLYARD_CPAN_MIRROR} ? ('--mirror', $ENV{TOOLYARD_CPAN_MIRROR}, '--mirror-only') : ();
$ENV{PERL_CPANM_HOME} = '/tmp/cpanm';
system('timeout', '600', 'cpanm', '--notest', '--quiet', '-L', '/opt/perl5', @mirror, @missing);
system('rm', '-rf', '/tmp/cpanm');
@missing = grep { is_missing($_) } @missing;
die 'error: CPAN does not answer or does not have these modules, and neither does Debian: ' . join(', ', @missing) . "\n"
  if @missing;
END
chmod 755 /usr/local/bin/toolyard-modules
"""

RECIPES = {
    "perl": Recipe(
        "debian",
        ("ca-certificates", "perl", "cpanminus", "libio-socket-ssl-perl", "gcc", "libc6-dev", "make"),
        USER + _MODULES,
    ),
}  # fmt: skip
