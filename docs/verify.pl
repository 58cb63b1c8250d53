#!/usr/bin/env perl
# perl verify.pl DIR [KEY]: verifies a ledger with Perl's own modules and openssl 3, by the rules of docs/formats.md.
# 0: verified or torn, and signed by the KEY if one is given. 1: not. Of head.json it believes what was synced.
use strict; use warnings; use Digest::SHA qw(sha256 sha256_hex); use Encode; use File::Temp; use JSON::PP; use MIME::Base64;
my ($seq, $bytes, $whole, $believed, $prev, $origin, $key, $id, $public, $signed, $fault, $name, @tree) = (0, 0, 1, $ARGV[1] // '', ('') x 8);
my $entry = qr/^\{"v":1,"seq":(\d+),"prev":"([0-9a-f]{64})","ts":"\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])T(?:[01]\d|2[0-3])
    :[0-5]\d:(?:[0-5]\d|60)\.\d{6}Z","mono":"\d{1,20}","boot":"[\w.-]+","host":(?&text),"pid":(\d+),"uid":(\d+),"who":"[\w.-]*",
    "ev":"([\w.-]+)","session":"[\w.-]*","d":((?&object))\}\n\z (?(DEFINE) (?<object>\{(?:(?&pair)(?:,(?&pair))*+)?\})
    (?<pair>"(?&plain)":(?&value)) (?<plain>[^"\\\x00-\x1f]*+) (?<text>"(?&plain)(?:\\(?&escape)(?&plain))*+")
    (?<value>(?&text)|(?&object)|\[(?:(?&value)(?:,(?&value))*+)?\]|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null)
    (?<escape>["\\\/bfnrt]|u(?i:(?!d[89a-f])[\da-f]{4}|d[89ab][\da-f]{2}\\(?-i:u)d[c-f][\da-f]{2})))/xa;
sub verifies { my @files = map { my $file = File::Temp->new; print $file $_; close $file; $file } @_;
    my $said = `openssl pkeyutl -verify -pubin -keyform DER -inkey $files[0] -rawin -in $files[1] -sigfile $files[2] 2>&1`;
    $said =~ /^Signature Verifi(ed|cation)/m ? $1 eq 'ed' : die "openssl: $said\n" }
sub is_so { my ($event, $d) = @_; my $says = decode_json($d); $_ = encode_utf8($_ // '') for values %$says;
    if ($event eq 'key') { (my $before, $key, $public) = ($key, $says->{vkey}, decode_base64($says->{vkey} =~ s/^.*?\+.*?\+//r));
        $id = substr sha256("$origin\n$public"), 0, 4; my $made = join '+', $origin, unpack('H*', $id), encode_base64($public, '');
        return ($says->{previous} // '') eq $before && $public =~ /^\x01.{32}\z/s && $key eq $made }
    my ($root, @parts) = reverse @tree; $root = sha256("\1$_$root") for @parts; my $text = "$origin\n$seq\n" . encode_base64($root);
    my @ours = map { decode_base64($_) =~ /^\Q$id\E(.*)/s } $says->{note} =~ /^\xe2\x80\x94 \Q$origin\E (\S+)$/mg;
    $signed = ", $seq signed by $key" if $key eq ($believed || $key); my $der = pack('H*', '302a300506032b6570032100') . substr $public, 1;
    @ours && $says->{note} =~ /\A\Q$text\E\n(?:\xe2\x80\x94 \S+ [\w+\/]+=*\n)+\z/a && $says->{root} eq unpack('H*', $root)
        && $d =~ /"size":$seq[,}]/ && !grep { !verifies($der, $text, $_) } @ours }
sub fault { my ($number, $before, $pid, $uid, $event, $d) = $_[0] =~ $entry; $bytes += length $_[0];
    return 'is no entry' if !defined $d || length $_[0] > 65535 || !$seq && $event ne 'ledger.open'
        || !eval { decode('UTF-8', my $copy = $_[0], 1) } || grep { sprintf('%u', $_) ne $_ } $pid, $uid;
    $origin = encode_utf8(decode_json($d)->{origin}) if $event eq 'ledger.open'; $prev ||= sha256_hex("glass-ledger-v1\n$origin\n");
    return "must follow $prev" if "$number $before" ne "$seq $prev"; return 'must end elsewhere' if $seq == $_[1] && $bytes != $_[2];
    if ($event =~ /^ledger\.(key|checkpoint)$/ && !is_so($1, $d)) { print "broken: entry $seq, a $event, is not so\n"; exit 1 }
    my $node = sha256("\0$_[0]"); for (my $size = $seq; $size & 1; $size >>= 1) { $node = sha256("\1" . pop(@tree) . $node) }
    push @tree, $node; ($prev, $seq) = (sha256_hex($_[0]), $seq + 1); '' }
chdir($ARGV[0] // '') && (my @segments = sort grep { /^log-\d{16}\.jsonl$/ } glob 'log-*') or die "usage: perl verify.pl DIR [KEY]\n";
my ($last, $segment, $end) = eval { open my $file, '<', 'head.json' or die; @{decode_json(<$file>)}{map { "synced_$_" } qw(seq segment bytes)} };
for (@segments) { ($name, $bytes) = ($_, 0); $fault = 'is in another segment' if $name ne sprintf 'log-%016d.jsonl', $seq;
    open my $file, '<:raw', $name or die "$name: $!\n";
    while (!$fault && defined(my $line = <$file>)) { $whole = $line =~ /\n\z/; $fault = fault($line, $last // -1, $end) } last if $fault }
my $missing = defined $last && $last >= $seq; my $torn = $name eq $segments[-1] && (!$whole || defined $last && !$missing);
my $verdict = $fault && !$torn ? 'broken' : (-s ($segment // '') // 0) < ($end // 0) ? 'rolled back' : $missing ? 'broken' : $fault ? 'torn' : 'verified';
print "$verdict: $seq entries, the last one is $prev$signed\n", $fault && "the next line, of $name, $fault\n";
exit !($verdict =~ /^[vt]/ && (!$believed || $signed));
