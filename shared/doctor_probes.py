"""The small programs that look at a sandbox from inside; they need only perl, which Debian always has."""

FLAGS = r"""
use strict; my %f; $SIG{XFSZ} = "IGNORE";
open(my $s, "<", "/proc/self/status");
while (<$s>) { $f{lc $1} = $2 if /^(CapEff|CapBnd|NoNewPrivs|Seccomp|Uid|Gid):\s+(\S+)/ }
$f{root_written} = open(my $r, ">", "/usr/probe") ? 1 : 0;
sub fill { my ($dir, $n, $part) = ($_[0], 0, 0); my $block = "x" x 65536; my $more = 1;
  while ($more && $n < $_[1]) { open(my $o, ">", "$dir/f" . $part++) or last; $more = 0;
    for (1 .. 64) { my $w = syswrite($o, $block); last unless $w; $n += $w; $more = 1 } }
  unlink "$dir/f$_" for 0 .. $part; $n }
sub files { my ($dir, $n) = ($_[0], 0);
  for (; $n < $_[1]; $n++) { open(my $o, ">", "$dir/i$n") or last }
  unlink "$dir/i$_" for 0 .. $n; $n }
my ($bytes, $files, $pids) = @ARGV;
$f{tmp_bytes} = fill("/tmp", $bytes); $f{work_bytes} = fill("/work", $bytes);
$f{work_files} = files("/work", $files); $f{tmp_files} = files("/tmp", $files);
my @children;
while (@children < $pids) { my $p = fork(); last unless defined $p;
  if (!$p) { sleep 20; exit } push @children, $p }
$f{pids} = @children; kill 9, @children; waitpid($_, 0) for @children;
$f{userns} = system("unshare -U true 2>/dev/null") == 0 ? 1 : 0;
$f{af_alg} = socket(my $a, 38, 5, 0) ? 1 : 0;
$f{af_packet} = socket(my $p, 17, 3, 0) ? 1 : 0;
open(my $d, "<", "/proc/net/dev");
$f{interfaces} = join(",", map { /^\s*(\S+):/ ? $1 : () } <$d>);
$f{env} = join(",", sort keys %ENV);
print "$_=$f{$_}\n" for sort keys %f;
"""
"""Arguments: bytes, files and processes to try to get; prints `name=value` lines."""

MEMORY = 'my @all; push @all, "x" x (1 << 20) while 1;'

CONNECT = r"""
use strict; use Socket;
while (my $where = <STDIN>) { chomp $where;
  my ($protocol, $host, $port) = split /:/, $where;
  my $tcp = $protocol eq "tcp"; my $word = "";
  socket(my $s, PF_INET, $tcp ? SOCK_STREAM : SOCK_DGRAM, 0) or die "socket: $!";
  eval { local $SIG{ALRM} = sub { die "timeout\n" }; alarm $ARGV[0];
    connect($s, pack_sockaddr_in($port, inet_aton($host))) or die "$!\n";
    if (!$tcp) { defined send($s, "probe", 0) or die "$!\n" }
    defined sysread($s, $word, 64) or die "$!\n"; alarm 0; };
  alarm 0; my $why = $@; chomp $why; close $s;
  print "$where ", ($why ? "closed $why" : "open $word"), "\n"; }
open(my $six, "<", "/proc/net/if_inet6");
my @six = $six ? grep { !/\slo$/ } <$six> : ();
print "ipv6 ", scalar(@six), "\n";
"""
"""Argument: seconds to wait for each answer. Standard input: lines of `tcp:address:port`; prints `where open <word>` or `where closed <why>`."""

LISTEN = r"""
use strict; use Socket;
my ($port, $word) = @ARGV;
socket(my $s, PF_INET, SOCK_STREAM, 0); setsockopt($s, SOL_SOCKET, SO_REUSEADDR, 1);
bind($s, pack_sockaddr_in($port, INADDR_ANY)) or die $!; listen($s, 9); $| = 1; print "ready\n";
while (accept(my $c, $s)) { syswrite($c, $word); close $c }
"""
"""Another sandbox with a service in it."""
