#!/usr/bin/perl

# llm_govern: limits and costs for a location that somebody else serves, here
# proxy_pass to a server that speaks Anthropic's and OpenAI's own protocol.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use LLM::Test;
use Test::More;

my %key = map { ($_ => "sk-test-$_-0123456789") } qw(rich poor few);

my $t = LLM::Test->gateway(http => "
    llm_virtual_key rich { secret $key{rich}; llm_budget 1000 1M; }
    llm_virtual_key poor { secret $key{poor}; llm_budget 0.0000001 1M hard; }
    llm_virtual_key few  { secret $key{few}; llm_rate_limit requests=1/1d; }
", server => '
    proxy_http_version 1.1;
    proxy_buffering off;
    location /native/ {
        llm_govern anthropic name=native;
        proxy_pass http://%%SIM%%/anthropic/;
    }
    location /vllm/ {
        llm_govern openai name=gpu-box;
        proxy_pass http://%%SIM%%/;
    }
');

$t->start_sim->start;

my %usage = (input => 900, output => 120, cache_read => 300, chunks => 12);

sub body_of {
    my ($dialect, $stream, %o) = @_;

    return { model => $LLM::Test::haiku, max_tokens => 500,
             messages => [ { role => 'user', content => sim(%usage, %o) } ],
             $stream ? (stream => \1) : (),
             $stream && $dialect eq 'openai'
                 ? (stream_options => { include_usage => \1 }) : () };
}

my %path = (anthropic => '/native/v1/messages',
            openai => '/vllm/v1/chat/completions');

sub metered {
    my ($name, $dialect, $body, %o) = @_;

    my $spent = $t->spent(virtual_key => 'rich');
    my $cost = $t->totals->{cost_nano};
    my $r = $t->post($path{$dialect}, $body, key => $key{rich}, %o);

    ok(wait_for(sub { $t->held(virtual_key => 'rich') == 0
                      && $t->totals->{cost_nano} > $cost }),
       "$name: settled");
    $cost = $t->totals->{cost_nano} - $cost;
    is($t->spent(virtual_key => 'rich') - $spent, $cost,
       "$name: charged $cost n\$");
    return $r;
}

for my $dialect (qw(anthropic openai)) {
    for my $o ([ 'plain' ], [ 'byte by byte', split => 1 ],
               [ 'slow', delay_ms => 10 ])
    {
        my ($how, @o) = @$o;
        my $r = metered("$dialect, $how", $dialect,
                        body_of($dialect, 0, @o, chunked => \1));
        is($r->{status}, 200, "$dialect, $how: 200") or diag($r->{body});
        ok($r->{json}, "$dialect, $how: JSON");

        $r = metered("$dialect stream, $how", $dialect,
                     body_of($dialect, 1, @o));
        is($r->{status}, 200, "$dialect stream, $how: 200");
        like($r->{body}, $dialect eq 'openai' ? qr/\[DONE\]/
                                              : qr/message_stop/,
             "$dialect stream, $how: to its end");
    }

    # refusals, in the dialect

    my $r = $t->post($path{$dialect}, body_of($dialect, 0));
    is($r->{status}, 401, "$dialect: no key");
    $r = $t->post($path{$dialect}, body_of($dialect, 0), key => $key{poor});
    is($r->{status}, 402, "$dialect: no budget");
    is($dialect eq 'openai' ? $r->{json}{error}{code}
                            : $r->{json}{error}{type},
       $dialect eq 'openai' ? 'budget_exceeded' : 'billing_error',
       "$dialect: in its words");
}

is($t->post($path{openai}, body_of('openai', 0), key => $key{few})->{status},
   200, 'a request limit: one');
my $r = $t->post($path{openai}, body_of('openai', 0), key => $key{few});
is($r->{status}, 429, 'a request limit: no more');
is($r->{json}{error}{code}, 'rate_limit_exceeded', 'in OpenAI\'s words');

# the server's own errors cost nothing

my $spent = $t->spent(virtual_key => 'rich');
$r = $t->post($path{anthropic}, body_of('anthropic', 0, status => 500),
              key => $key{rich});
is($r->{status}, 500, 'an error of the server comes through');
wait_for(sub { $t->held(virtual_key => 'rich') == 0 });
is($t->spent(virtual_key => 'rich'), $spent, 'and is free');

# usage that is not told is estimated

$r = $t->post($path{openai}, body_of('openai', 1, no_usage => \1),
              key => $key{rich});
wait_for(sub { $t->held(virtual_key => 'rich') == 0 });
cmp_ok($t->spent(virtual_key => 'rich'), '>', $spent,
       'usage that is not told is estimated');

# a client that leaves

$spent = $t->spent(virtual_key => 'rich');
$t->post($path{anthropic}, body_of('anthropic', 1, delay_ms => 40),
         key => $key{rich}, limit => 200, reset => 1);
ok(wait_for(sub { $t->held(virtual_key => 'rich') == 0 }),
   'a client that left: settled');
cmp_ok($t->spent(virtual_key => 'rich'), '>', $spent,
       'a client that left: charged');

cmp_ok($t->spent(provider => 'gpu-box'), '>', 0, 'the location is an account');

$t->finish;
done_testing;
