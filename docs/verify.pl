# perl verify.pl DIR [KEY] verifies a ledger (docs/formats.md). 0: verified or torn, and signed by the KEY if one is given. 1: not.
use strict; use warnings; use Digest::SHA qw(sha256 sha256_hex); use Encode; use File::Temp; use JSON::PP; use MIME::Base64;
my ($seq, $bytes, $whole, $believed, $prev, $origin, $key, $signed, $fault, $name, $closed, @tree) = (0, 0, 1, $ARGV[1] // '', ('') x 7);
my $entry = qr/^\{"v":1,"seq":(\d+),"prev":"([0-9a-f]{64})","ts":"\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])T(?:[01]\d|2[0-3]):[0-5]\d
  :(?:[0-5]\d|60)\.\d{6}Z","mono":"\d{1,20}","boot":"[\w.-]+","host":(?&text),"pid":(?&whole),"uid":(?&whole),"who":"[\w.-]*","ev":"([\w.-]+)",
  "session":"[\w.-]*","d":((?&object))\}\n\z (?(DEFINE) (?<object>\{(?:(?&pair)(?:,(?&pair))*+)?\}) (?<pair>"(?&plain)":(?&value))
  (?<whole>0|[1-9]\d{0,19}) (?<plain>[^"\\\x00-\x1f]*+) (?<text>"(?&plain)(?:\\(?&escape)(?&plain))*+") (?<value>(?&text)|(?&object)
  |\[(?:(?&value)(?:,(?&value))*+)?\]|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null)
  (?<escape>["\\\/bfnrt]|u(?i:(?!d[89a-f])[\da-f]{4}|d[89ab][\da-f]{2}\\(?-i:u)d[c-f][\da-f]{2})))/xa;
sub verifies { my @files = map { my $file = File::Temp->new; print $file $_; close $file; $file } @_;
    my $said = `openssl pkeyutl -verify -pubin -keyform DER -inkey $files[0] -rawin -in $files[1] -sigfile $files[2] 2>&1`;
    $said =~ /^Signature Verifi(ed|cation)/m ? $1 eq 'ed' : die "openssl: $said\n" }
sub is_so { my ($event, $d, $begins) = @_; my $says = decode_json($d); $_ = encode_utf8($_ // '') for values %$says;
    if ($event eq 'key') { return 0 if ($says->{previous} // '') ne $key; $key = $says->{vkey} }
    my $public = decode_base64($key =~ s/^.*?\+.*?\+//r); my $id = substr sha256("$origin\n$public"), 0, 4;
    my $is_key = $public =~ /^\x01.{32}\z/s && $key eq join '+', $origin, unpack('H*', $id), encode_base64($public, '');
    my ($root, @parts) = reverse @tree; $root = sha256("\1$_$root") for @parts; my $text = "$origin\n$seq\n" . encode_base64($root);
    return $is_key if $event eq 'key'; return 0 if $says->{root} ne unpack('H*', $root) || $d !~ /"size":$seq[,}]/;
    return $d =~ /"bytes":$begins[,}]/ && ($closed = $name) if $event eq 'rotate';
    my @ours = map { decode_base64($_) =~ /^\Q$id\E(.*)/s } $says->{note} =~ /^\xe2\x80\x94 \Q$origin\E (\S+)$/mg;
    $signed = ", $seq signed by $key" if $key eq ($believed || $key); my $der = pack('H*', '302a300506032b6570032100') . substr $public, 1;
    $is_key && @ours && $says->{note} =~ /\A\Q$text\E\n(?:\xe2\x80\x94 \S+ [\w+\/]+=*\n)+\z/a && !grep { !verifies($der, $text, $_) } @ours }
sub fault { my ($number, $before, $event, $d) = $_[0] =~ $entry; my $begins = $bytes; $bytes += length $_[0]; my $is_first = !$seq;
    return 'is no entry' if !defined $d || length $_[0] > 65535 || !eval { decode('UTF-8', my $copy = $_[0], 1) } || $is_first && $event ne 'ledger.open';
    $origin = encode_utf8(decode_json($d)->{origin}) if $event eq 'ledger.open'; $prev ||= sha256_hex("glass-ledger-v1\n$origin\n");
    return "must follow $prev" if "$number $before" ne "$seq $prev"; return 'must end elsewhere' if $seq == $_[1] && $bytes != $_[2];
    if ($closed eq $name || $event =~ /^ledger\.(key|checkpoint|rotate)$/ && !is_so($1, $d, $begins)) { print "broken: entry $seq, a $event, is not so\n"; exit 1 }
    push @tree, sha256("\0$_[0]"); for (my $size = $seq; $size & 1; $size >>= 1) { splice @tree, -2, 2, sha256("\1$tree[-2]$tree[-1]") }
    ($prev, $seq) = (sha256_hex($_[0]), $seq + 1); '' }
chdir($ARGV[0] // '') && (my @segments = sort grep { /^log-\d{16}\.jsonl$/ } glob 'log-*') or die "usage: perl verify.pl DIR [KEY]\n";
my ($last, $segment, $end) = eval { open my $file, '<', 'head.json' or die; @{decode_json(<$file>)}{map { "synced_$_" } qw(seq segment bytes)} };
my ($first) = $segments[0] =~ /0*(\d+)\./; my $from = $first ? ", known from $first on" : ''; @ARGV = @segments; # Old segments may be gone.
while ($first && defined(my $line = <>)) { my $state = $line =~ /"ev":"ledger.anchor"/ && eval { decode_json($line)->{d}{segment}{state} } or next;
    ($seq, $prev, $origin, $key, @tree) = (@$state{qw(size hash origin)}, $state->{key} // '', map { pack 'H*', $_ } @{$state->{peaks}}) if $state->{size} eq $first }
for (@segments) { ($name, $bytes) = ($_, 0); $fault = 'is in another segment' if $name ne sprintf 'log-%016d.jsonl', $seq;
    open my $file, '<:raw', $name or die "$name: $!\n";
    while (!$fault && defined(my $line = <$file>)) { $whole = $line =~ /\n\z/; $fault = fault($line, $last // -1, $end) } last if $fault }
my $missing = defined $last && $last >= $seq; my $torn = $name eq $segments[-1] && (!$whole || defined $last && !$missing);
my $verdict = $fault && !$torn ? 'broken' : (-s ($segment // '') // 0) < ($end // 0) ? 'rolled back' : $missing ? 'broken' : $fault ? 'torn' : 'verified';
print "$verdict: $seq entries$from, the last one is $prev$signed\n", $fault && "the next line, of $name, $fault\n"; exit !($verdict =~ /^[vt]/ && (!$believed || $signed));
