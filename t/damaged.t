#!/usr/bin/perl

# A block of rows in which a bit has changed: it is said, nothing of it is
# shown, and everything else goes on.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use LLM::Test;
use Test::More;

my $key = 'sk-test-damaged-0123456789';
my $path = invoke_path($LLM::Test::haiku);

my $t = LLM::Test->gateway(http => "
    llm_store store sync=50ms;
    llm_virtual_key tester { secret $key; }
");

my $store = "$t->{prefix}/store";
my $calls = 1300;       # more than stay outside of blocks

sub store {
    my (@args) = @_;

    open my $fh, '-|', 'sh', '-c', 'exec "$@" 2>&1', 'sh',
        "$FindBin::Bin/../scripts/store", @args or die "scripts/store: $!";
    local $/;
    my $out = <$fh> // '';
    close $fh;

    return ($out, $? >> 8);
}

sub newest { return $t->get('/llm/logs?limit=1')->{json}{logs}[0]{seq} // 0 }

$t->start_sim->start;

$t->load(8, map { { path => $path, headers => {
    Authorization => "Bearer $key" },
    body => json_encode(claude("call $_")) } } 1 .. $calls);
ok(wait_for(sub { newest() == $calls }), 'all calls are in the log');

my ($row) = @{ $t->get('/llm/logs?order=asc&limit=1')->{json}{logs} };
is($row->{seq}, 1, 'the oldest row');
is((store('verify', $store))[1], 0, 'all adds up');

my $spend = $t->get('/llm/spend?group_by=virtual_key&period=48h')->{json}{rows};

# a bit of the block's columns

sub flip {
    open my $fh, '+<:raw', "$store/data.mdb" or die "$store: $!";
    my $bytes = do { local $/; <$fh> };
    my $found = 0;

    while ($bytes =~ /LLB2/g) {
        my $at = pos($bytes) + 8000;
        seek $fh, $at, 0;
        print $fh chr(ord(substr $bytes, $at, 1) ^ 0x20);
        $found++;
    }

    close $fh;
    return $found;
}

cmp_ok(flip(), '>', 0, 'a bit of a block changes');

for my $query ('order=asc', 'order=asc&format=csv', 'sort=cost&order=asc',
               "id=$row->{id}")
{
    my $r = $t->get("/llm/logs?$query");
    is($r->{status}, 500, "$query: 500");
    like($r->{json}{error}{message} // '', qr/damaged.*scripts\/store verify/,
         "$query: it is said");
}

is($t->get("/llm/logs/$row->{id}")->{status}, 500, 'nor is one row shown');
is(scalar @{ $t->get('/llm/logs?limit=200')->{json}{logs} }, 200,
   'those that are in no block are');
is_deeply($t->get('/llm/spend?group_by=virtual_key&period=48h')->{json}{rows},
          $spend, 'sums do not come from rows');

SKIP: {
    skip('no Python package "websockets": scripts/install test', 1)
        if system("$LLM::Test::python -c 'import websockets' 2>/dev/null");

    my $plan = $t->file('watch.json', json_encode({ timeout => 10,
        url => 'ws://127.0.0.1:' . $t->port . '/llm/live?since=0' }));
    my @out = `$LLM::Test::python $LLM::Test::root/t/lib/watch.py $plan`;
    my ($seen) = @{ json_decode($out[-1]) // [] };
    is("$seen->{code} @{ $seen->{seqs} }", '1011 ',
       'who resumes in it is told: 1011, and gets no row');
    like($t->error_log, qr/live feed cannot read the rows from number 1 on/,
         'and so does the error log');
}

my ($out, $status) = store('verify', $store);
is($status, 1, 'scripts/store verify finds it');
like($out, qr/rows from number 1 on: their block is damaged/, 'and says which');

($out, $status) = store('export', $store);
is($status, 2, 'scripts/store export stops');
like($out, qr/damaged/, 'and says why');
unlike($out, qr/"seq":1,/, 'without a row of it');

is($t->post($path, claude('one more'), key => $key)->{status}, 200,
   'calls go on');
ok(wait_for(sub { newest() == $calls + 1 }), 'and are in the log');

cmp_ok(flip(), '>', 0, 'the bit is put back');
is_deeply($t->get("/llm/logs/$row->{id}")->{json}, $row, 'all is well again');
is((store('verify', $store))[1], 0, 'all adds up');

$t->finish;
done_testing;
