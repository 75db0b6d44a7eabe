#!/usr/bin/perl

# Our clock is not AWS's: the difference is learned from the first refusal, the
# call is signed anew with their time, once, and answered.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use LLM::Test;
use Test::More;

my %key = map { ($_ => "sk-test-$_-0123456789") } qw(main pair);

my $t = LLM::Test->gateway(provider =>
    provider('main', 'region us-east-1; max_failures 1; cooldown 10m;')
    . provider('other', 'region us-west-2; max_failures 0;'),
    http => "
    llm_route main { provider main; }
    llm_route pair { provider main; provider other backup; }
    llm_virtual_key main { secret $key{main}; route main; }
    llm_virtual_key pair { secret $key{pair}; route pair; }
");

$t->start_sim->start;

my $path = invoke_path($LLM::Test::haiku);
my $body = claude(sim(input => 100, output => 50));

sub refusals {
    return $t->totals->{errors}{InvalidSignatureException} // 0;
}

for my $case ([ 'an hour behind', 3600, '' ],
              [ 'two days ahead', -172_800, '-with-response-stream' ],
              [ 'right again', 0, '' ])
{
    my ($name, $offset, $how) = @$case;

    $t->sim_control('reset', {});
    $t->sim_control('clock', { offset => $offset });

    my $spent = $t->spent(virtual_key => 'main');
    my $r = $t->post("$path$how", $body, key => $key{main});

    is($r->{status}, 200, "$name: answered") or diag($r->{body});
    is(refusals(), 1, "$name: after one refusal");
    is(scalar(my @seen = $t->received), 2, "$name: asked twice");
    ok($seen[1]{signature_ok}, "$name: the second signature is right");

    is($t->post($path, $body, key => $key{main})->{status}, 200,
       "$name: the next call") for 1 .. 3;
    is(refusals(), 1, "$name: it has been learned");
    ok(wait_for(sub { $t->held(virtual_key => 'main') == 0 }),
       "$name: nothing is held");
    is($t->spent(virtual_key => 'main') - $spent, $t->totals->{cost_nano},
       "$name: what was served is charged, once");
}

like($t->error_log, qr/clock of this machine is -3[56]\d\d s off/,
     'it is in the log');
is($t->account(virtual_key => 'main')->{in_flight}, 0, 'nothing is under way');

# a provider that says so for ever: tried twice, then the next one; nobody's
# fault, so it does not rest

my %skew = (status => 403, error => 'InvalidSignatureException', message =>
            'Signature expired: 20200101T000000Z is now earlier than ...');

$t->sim_control('reset', {});
$t->script({ %skew, times => 3, match => { region => 'us-east-1' } });
is($t->post($path, $body, key => $key{pair})->{status}, 200,
   'for ever: the next provider answers');
is(scalar(my @seen = $t->received), 3, 'for ever: after one more try');
is($t->totals->{regions}{'us-west-2'}{requests}, 1, 'for ever: it is another');

$t->sim_control('reset', {});
is($t->post($path, $body, key => $key{main})->{status}, 200,
   'and the first one does not rest');

$t->script({ %skew, times => 2 });
my $r = $t->post($path, $body, key => $key{main});
is($r->{status}, 503, 'no other provider: 503') or diag($r->{body});
like($r->{headers}{'x-amzn-errortype'}, qr/^ServiceUnavailable/,
     'not the client\'s signature is wrong');

# another 403 tells nothing about the clock

$t->sim_control('reset', {});
$t->script({ status => 403, error => 'InvalidSignatureException',
             message => 'The request signature we calculated does not match' });
$r = $t->post($path, $body, key => $key{main});
is($r->{status}, 503, 'a wrong signature: 503');
is(scalar(@seen = $t->received), 1, 'a wrong signature: tried once');

$t->finish;
done_testing;
