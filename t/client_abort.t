#!/usr/bin/perl

# Clients that go away: the call is charged once, as the provider bills it, and
# nothing stays held.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use LLM::Test;
use Test::More;
use Time::HiRes qw(time);

my %key = map { ($_ => "sk-test-$_-0123456789") } qw(drain cancel capped);

my $t = LLM::Test->gateway(http => "send_timeout 1s;\n" . join('', map {
    "llm_virtual_key $_ { secret $key{$_}; }\n" } sort keys %key),
    server => "
    location /cancel/ { llm_client_abort cancel; llm_pass bedrock; }
    location /capped/ { llm_client_abort drain time=300ms; llm_pass bedrock; }
");

$t->start_sim->start;

my $model = 'anthropic.claude-3-haiku-20240307-v1%3A0';

sub leave {
    my ($name, $base, $operation, %o) = @_;

    my $body = $operation =~ /converse/
        ? converse(sim(input => 100, output => 80, chunks => 20,
                       delay_ms => 30, %{ $o{sim} // {} }))
        : claude(sim(input => 100, output => 80, chunks => 20,
                     delay_ms => 30, %{ $o{sim} // {} }));
    my $path = "$base/model/$model/$operation";

    if ($base eq '/anthropic') {
        $path = '/anthropic/v1/messages';
        delete $body->{anthropic_version};
        $body->{model} = 'claude-3-haiku-20240307';
        $body->{stream} = \1;
    }

    return $t->post($path, $body, key => $key{$name}, limit => $o{limit} // 300,
                    reset => $o{reset}, timeout => $o{timeout} // 10);
}

# drained: exactly what the provider counted

for my $case ([ 'stream', '/bedrock', 'invoke-with-response-stream' ],
              [ 'stream, reset', '/bedrock', 'invoke-with-response-stream',
                reset => 1 ],
              [ 'converse-stream', '/bedrock', 'converse-stream' ],
              [ 'anthropic', '/anthropic', 'invoke' ],
              [ 'anthropic, reset', '/anthropic', 'invoke', reset => 1 ],
              [ 'before the first byte', '/bedrock',
                'invoke-with-response-stream', limit => 0, timeout => 0.15,
                sim => { first_delay_ms => 400 } ],
              [ 'not streamed', '/bedrock', 'invoke', limit => 0,
                timeout => 0.15, sim => { first_delay_ms => 400 } ])
{
    my ($name, $base, $operation, %o) = @$case;

    my $cost = $t->totals->{cost_nano};
    my $spent = $t->spent(virtual_key => 'drain');
    my $r = leave('drain', $base, $operation, %o);
    ok(!$r->{complete}, "$name: left in the middle");
    cmp_ok($t->held(virtual_key => 'drain'), '>', 0,
           "$name: it is still held");
    ok(wait_for(sub { $t->held(virtual_key => 'drain') == 0 }),
       "$name: settled");
    $cost = $t->totals->{cost_nano} - $cost;
    is($cost, 125_000, "$name: the provider has billed it");
    is($t->spent(virtual_key => 'drain') - $spent, $cost,
       "$name: charged exactly that");
}

is($t->totals->{left}, 0, 'the provider was listened to until the end');

# cancelled: at once, charged as estimated

my $began = time;
my $r = leave('cancel', '/cancel', 'invoke-with-response-stream', limit => 1500,
              sim => { delay_ms => 100 });
ok(wait_for(sub { $t->held(virtual_key => 'cancel') == 0 }, 5),
   'cancel: settled');
cmp_ok(time - $began, '<', 1.9, 'cancel: before the stream would have ended');
cmp_ok($t->spent(virtual_key => 'cancel'), '>', 0, 'cancel: charged');
ok(wait_for(sub { $t->totals->{left} == 1 }, 5),
   'cancel: the provider is told');

# drained up to a cap

$began = time;
leave('capped', '/capped', 'invoke-with-response-stream', limit => 1500,
      sim => { delay_ms => 200 });
ok(wait_for(sub { $t->held(virtual_key => 'capped') == 0 }, 5),
   'cap: settled');
cmp_ok(time - $began, '<', 3, 'cap: before the stream would have ended');
cmp_ok($t->spent(virtual_key => 'capped'), '>', 0, 'cap: charged');
ok(wait_for(sub { $t->totals->{left} == 2 }, 5), 'cap: the provider is told');

# a client that stops reading is gone, too, once it has been waited for

for my $base ('/bedrock', '/anthropic') {
    my $text = join ' ', ('y' x 4000) x 2000;
    my $body = claude('sim:' . json_encode({
        input => 10, output => 2000, chunks => 2000, text => $text }));
    my $path = "$base/model/$model/invoke-with-response-stream";

    if ($base eq '/anthropic') {
        $path = '/anthropic/v1/messages';
        delete $body->{anthropic_version};
        $body->{model} = 'claude-3-haiku-20240307';
        $body->{stream} = \1;
    }

    my $cost = $t->totals->{cost_nano};
    my $spent = $t->spent(virtual_key => 'drain');
    my $sock = http_connect($t->port);
    $body = json_encode($body);
    http_send($sock, "POST $path HTTP/1.1\r\nHost: x\r\n"
        . "Authorization: Bearer $key{drain}\r\nContent-Length: "
        . length($body) . "\r\n\r\n$body");
    ok(wait_for(sub { $t->totals->{cost_nano} > $cost }, 15),
       "$base: a client that does not read");
    ok(wait_for(sub { $t->held(virtual_key => 'drain') == 0 }, 10),
       "$base: settled");
    is($t->spent(virtual_key => 'drain') - $spent,
       $t->totals->{cost_nano} - $cost, "$base: charged exactly");
    close $sock;
}

# many at once, then quiet

my $cost = $t->totals->{cost_nano};
my $spent = $t->spent(virtual_key => 'drain');
$t->load(60, map { {
    path => "/bedrock/model/$model/invoke-with-response-stream",
    headers => { Authorization => "Bearer $key{drain}" },
    body => claude(sim(input => 10, output => 20, chunks => 10,
                       delay_ms => 5)),
    abort_after => (0, 200, 700, 1500)[$_ % 4] } } 1 .. 240);
ok(wait_for(sub { $t->held(virtual_key => 'drain') == 0 }), 'many: settled');
is($t->spent(virtual_key => 'drain') - $spent,
   $t->totals->{cost_nano} - $cost, 'many: to the nanodollar');
ok(wait_for(sub { $t->sim_control('state')->{connections} <= 64 }),
   'no connection to the provider is left over');

$t->finish;
done_testing;
