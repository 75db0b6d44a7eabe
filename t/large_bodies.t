#!/usr/bin/perl

# Bodies of 20 MB: every byte arrives, signed; others are answered meanwhile;
# the memory is given back.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Digest::SHA qw(sha256_hex);
use IO::Select;
use LLM::Test;
use List::Util qw(max sum0);
use MIME::Base64 qw(encode_base64);
use POSIX qw(WNOHANG);
use Test::More;
use Time::HiRes qw(time sleep);

my %key = map { ($_ => "sk-test-$_-0123456789") } qw(large small);

# small calls go to a provider of their own: what is looked at is whether the
# gateway keeps them waiting, not Python

my $other = LLM::Test->new(module => '');
$other->start_sim;

my $t = LLM::Test->gateway(provider =>
    provider('large') . provider('small',
        "endpoint http://127.0.0.1:$other->{sim_port};"),
    http => "
    client_max_body_size 64m;
    llm_route large { provider large; }
    llm_route small { provider small; }
    llm_virtual_key large { secret $key{large}; route large; }
    llm_virtual_key small { secret $key{small}; route small; }
", server => '
    client_body_timeout 20s;
    location /file/bedrock/ { client_body_buffer_size 8k; llm_pass bedrock; }
    location /file/anthropic/ { client_body_buffer_size 8k;
                                llm_pass anthropic; }
    location /memory/bedrock/ { client_body_buffer_size 32m;
                                llm_pass bedrock; }
    location /memory/anthropic/ { client_body_buffer_size 32m;
                                  llm_pass anthropic; }
');

$t->start_sim->start;

# five images of 3 MB each, none like the other

srand 7;
my $random = join '', map { pack 'N*', map { int rand 2**32 } 1 .. 750 }
             1 .. 1000;
my @images = map { encode_base64(substr($random, $_ * 1000) .
                                 substr($random, 0, $_ * 1000), '') } 1 .. 5;
my $prompt = sim(input => 100, output => 50);

sub bodies {
    my (@data) = @_;

    return (
        claude => json_encode(claude([
            { type => 'text', text => $prompt },
            map { { type => 'image', source => {
                type => 'base64', media_type => 'image/png', data => $_ } } }
            @data ])),
        converse => json_encode({ messages => [ { role => 'user', content => [
            { text => $prompt }, map { { image => {
                format => 'png', source => { bytes => $_ } } } } @data ] } ] }),
        anthropic => json_encode({
            model => 'claude-3-haiku-20240307', max_tokens => 100,
            x_unknown => 1, stream => \1,
            messages => [ { role => 'user', content => [
                { type => 'text', text => $prompt },
                map { { type => 'image', source => {
                    type => 'base64', media_type => 'image/png',
                    data => $_ } } } @data ] } ] }));
}

my $model = $LLM::Test::haiku;
my %path = (claude => "/bedrock/model/$model/invoke",
            converse => "/bedrock/model/$model/converse",
            anthropic => '/anthropic/v1/messages');
my %large = bodies(@images);
my %tiny = bodies(map { "IMAGE$_" } 1 .. 5);
my %wanted = map { ($_ => $large{$_}) } qw(claude converse);

# what becomes of an Anthropic body is learned from a small one

$t->post('/memory/anthropic/v1/messages', $tiny{anthropic},
         key => $key{large});
($wanted{anthropic}) = map { $_->{body} } reverse $t->received;
$wanted{anthropic} =~ s/IMAGE(\d)/$images[$1 - 1]/g;
cmp_ok(length $wanted{$_}, '>', 20_000_000, "$_: 20 MB") for sort keys %wanted;

sub call {
    my ($where, $kind, %o) = @_;

    return $t->post("/$where$path{$kind}", $large{$kind}, key => $key{large},
                    timeout => 60, %o);
}

sub resident {
    my ($worker) = $t->workers;
    my ($kb) = LLM::Test::slurp("/proc/$worker/status") =~ /VmRSS:\s+(\d+)/;
    return $kb / 1024;
}

my $first = resident();

# every byte, whole and chunked, through a file and through memory

for my $where (qw(file memory)) {
    for my $kind (sort keys %large) {
        for my $how ([ 'whole' ], [ 'chunked', chunked => 100_000 ]) {
            my ($name, @o) = @$how;
            $name = "$kind, $where, $name";

            my $spent = $t->spent(virtual_key => 'large');
            my $r = call($where, $kind, @o);
            my ($seen) = reverse $t->received;

            is($r->{status}, 200, "$name: 200") or diag($r->{body});
            is($seen->{sha256}, sha256_hex($wanted{$kind}),
               "$name: every byte")
                or diag("$seen->{size} of " . length $wanted{$kind});
            ok($seen->{signature_ok}, "$name: signed");
            ok(wait_for(sub { $t->spent(virtual_key => 'large') - $spent
                              == 87_500 }), "$name: charged exactly");
        }
    }
}

my @temporary = glob "$t->{prefix}/temp/client_body/*";
is(scalar @temporary, 0, 'no temporary file is left');

# others are answered meanwhile: small calls go on beside large ones, in one
# worker

sub small {
    return $t->post(invoke_path($model), claude(sim(input => 1, output => 1)),
                    key => $key{small});
}

my ($began, @alone) = time;
while (time - $began < 1) {
    push @alone, 1000 * small()->{total};
}

my $rounds = 6;

pipe my $in, my $out or die;
my $pid = fork // die;
if ($pid == 0) {
    close $in;
    my @kinds = sort keys %large;
    my @status = map { call($_ % 2 ? 'file' : 'memory', $kinds[$_ % 3])
                           ->{status} } 1 .. $rounds;
    syswrite $out, "@status";
    POSIX::_exit(0);
}
close $out;

my (@beside, @bad);
while (!IO::Select->new($in)->can_read(0)) {
    my $r = small();
    push @bad, $r if $r->{status} != 200;
    push @beside, 1000 * $r->{total};
}

is(scalar <$in>, join(' ', (200) x $rounds), "$rounds large calls");
waitpid $pid, 0;

my $slow = grep { $_ > 100 } @beside;
diag(sprintf "%d small calls beside %d of 20 MB: %.1f ms (%.1f alone),"
     . ' at most %.0f; %d above 100 ms', scalar @beside, $rounds,
     sum0(@beside) / @beside, sum0(@alone) / @alone, max(@beside), $slow);
is(scalar @bad, 0, 'every small call was answered meanwhile');
cmp_ok(scalar @beside, '>=', 10 * $rounds, 'many of them');

# the memory: of one body after another, and of eight at once

call('memory', 'converse');
call($_ % 2 ? 'memory' : 'file', 'anthropic') for 1 .. 6;

SKIP: {
    skip 'ASan keeps what was freed', 1 if $ENV{LLM_SANITIZE};
    ok(wait_for(sub { small(); resident() < $first + 10 }, 3),
       'their memory is given back');
}

my @children = map {
    my $child = fork // die;
    if ($child == 0) {
        POSIX::_exit(call('memory', 'converse')->{status} == 200 ? 0 : 1);
    }
    $child;
} 1 .. 8;
my ($failed, $most) = (0, 0);

while (@children) {
    $most = max($most, resident());
    sleep 0.02;
    @children = grep {
        my $gone = waitpid $_, WNOHANG;
        $failed++ if $gone && $?;
        !$gone;
    } @children;
}

is($failed, 0, 'eight at once');

SKIP: {
    skip 'ASan keeps what was freed', 1 if $ENV{LLM_SANITIZE};
    ok(wait_for(sub { small(); resident() < $first + 10 }, 3),
       'their memory is given back');
}

diag(sprintf 'worker: %.0f MB at first, %.0f MB with eight, %.0f MB after',
     $first, $most, resident());

ok(wait_for(sub { $t->held(virtual_key => 'large') == 0 }),
   'nothing is held');
is($t->totals->{errors}{InvalidSignatureException}, undef,
   'every signature was right');

$t->finish;
$other->finish;
done_testing;
