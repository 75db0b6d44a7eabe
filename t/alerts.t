#!/usr/bin/perl

# Alerts: each threshold once in its window, whatever is restarted or killed;
# delivered until the receiver has it, signed.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use LLM::Test;
use LLM::Webhook;
use Test::More;
use Time::HiRes qw(time sleep);

my @keys = qw(soft own jump later other flaky gone moved hung broken tls none);
my %key = map { ($_ => "sk-test-$_-0123456789") } @keys;
my $signing = 'a-secret-that-signs-webhooks';

# a call of 0.001 dollars is a tenth of a budget of a cent

my $path = invoke_path($LLM::Test::haiku);

sub call {
    my ($t, $name, $tenths, %o) = @_;

    my $r = $t->post($path, claude(sim(input => 3995 + 4000 * ($tenths - 1),
                                       output => 1, %o)), key => $key{$name});
    return $r->{status};
}

sub kill_manager {
    my ($t) = @_;

    my $old = $t->manager;
    kill 'KILL', $old;

    return wait_for(sub { $t->manager != $old }, 10);
}

my $t = LLM::Test->gateway(
    allowed => [ qr/exited on signal 9/ ],
    provider => provider('main', 'region us-east-1; max_failures 0;')
        . provider('weak', 'region us-west-2; max_failures 2; cooldown 1s;'),
    http => '
    llm_store %%PREFIX%%/store;
    llm_route main { provider main; }
    llm_route weak { provider weak; }
    llm_alert 50% 80% 100% url=%%JSON%% secret=file:%%PREFIX%%/signing;
    llm_alert breaker url=%%JSON%% secret=file:%%PREFIX%%/signing;
    %%KEYS%%');

$t->file('signing', "$signing\n");

my $json = LLM::Webhook->new($t, 'json');
my $slack = LLM::Webhook->new($t, 'slack');
my $flaky = LLM::Webhook->new($t, 'flaky');
my $hung = LLM::Webhook->new($t, 'hung');

my $certificate = "$t->{prefix}/self.pem";
system("openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost"
       . " -addext subjectAltName=IP:127.0.0.1 -keyout $certificate.key"
       . " -out $certificate.crt 2>/dev/null && cat $certificate.key"
       . " $certificate.crt > $certificate") == 0
    or BAIL_OUT('openssl req');
my $tls = LLM::Webhook->new($t, 'tls', certificate => $certificate);

my %budget = (soft => '0.01 1M soft');
my %more = (
    own => 'llm_alert 30% url=' . $slack->url('/T0/B0/slacksecret')
        . ' format=slack;',
    flaky => 'llm_alert 50% url=' . $flaky->url . ';',
    gone => 'llm_alert 50% url=' . $flaky->url('/gone') . ';',
    moved => 'llm_alert 50% url=' . $flaky->url('/moved') . ';',
    hung => 'llm_alert 50% url=' . $hung->url . ';',
    tls => 'llm_alert 50% url=' . $tls->url . ';',
    broken => 'route weak;');

$t->{vars} = {
    JSON => $json->url('/hook?token=querysecret'),
    KEYS => join '', map {
        my $route = ($more{$_} // '') =~ /route/ ? '' : 'route main;';
        my $budget = $_ eq 'none' ? '' : 'llm_budget '
            . ($budget{$_} // '0.01 1M') . ';';
        "llm_virtual_key $_ { secret $key{$_}; $route $budget "
            . ($more{$_} // '') . " }\n" } @keys };

$t->start_sim->start;

# one threshold after the other

is(call($t, 'soft', 1), 200, 'call') for 1 .. 4;
is(scalar $json->got(0), 0, 'at 40 % nothing is said');

is(call($t, 'soft', 1), 200, 'the call that makes it 50 %');
my @got = $json->got(1);
is(scalar @got, 1, 'at 50 % one alert');

my ($first) = @got;
my $said = $first->{json};
is($said->{type}, 'budget_threshold', 'of this type');
is($first->{headers}{'x-llm-event'}, 'budget_threshold', 'in a header, too');
like($said->{id}, qr/\A[0-9a-f]{32}\z/, 'with an id');
is($first->{headers}{'x-llm-delivery'}, $said->{id}, 'that is in a header');
is_deeply($said->{account}, { kind => 'virtual_key', name => 'soft' },
          'of this account');
is($said->{window}, '1M', 'this period');
is($said->{mode}, 'soft', 'this sort of budget');
is($said->{limit}, 0.01, 'this limit');
is($said->{spent}, 0.005, 'this was spent');
is($said->{percent}, 50, 'so many percent');
is($said->{threshold}, 50, 'past this threshold');
is($said->{projected}, undef, 'too early in a month, or a number')
    unless defined $said->{projected} && $said->{projected} > 0;
like($said->{resets}, qr/\A\d{4}-\d\d-01T00:00:00Z\z/, 'resets with the month');
like($said->{time}, qr/\A\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ\z/, 'the time');
like($said->{text}, qr/virtual key soft: \$0\.005 of \$0\.01 per 1M/,
     'and a sentence');
is($first->{path}, '/hook?token=querysecret', 'where it was to go');
is($first->{headers}{'content-type'}, 'application/json', 'as JSON');
ok(LLM::Webhook::signed($first, $signing), 'signed');
ok(!LLM::Webhook::signed($first, 'another secret'), 'with our secret only');
cmp_ok(abs(($first->{headers}{'x-llm-signature'} =~ /t=(\d+)/)[0] - time),
       '<', 120, 'now');

call($t, 'soft', 1) for 1 .. 3;
@got = $json->got(1);
is_deeply([ map { $_->{json}{threshold} } @got ], [ 80 ], 'at 80 % one more');
call($t, 'soft', 1) for 1 .. 4;
@got = $json->got(1);
is_deeply([ map { $_->{json}{threshold} } @got ], [ 100 ],
          'at 100 % one more, and none beyond');
is(call($t, 'soft', 1), 200, 'a soft budget refuses nothing');
like($got[0]{json}{text}, qr/soft/, 'and the alert says so');

# several at once; the block's own ones instead of the outer ones; none without
# a budget

is(call($t, 'jump', 9), 200, 'a call that makes it 90 %');
@got = $json->got(1);
is_deeply([ map { $_->{json}{threshold} } @got ], [ 80 ],
          'two thresholds at once: the higher one is told');

is(call($t, 'own', 6), 200, 'a key with an alert of its own');
is(call($t, 'none', 20), 200, 'a key without a budget');
@got = $slack->got(1);
is(scalar @got, 1, 'its receiver gets it');
is_deeply([ keys %{ $got[0]{json} } ], [ 'text' ], 'as Slack wants it');
is($got[0]{headers}{'x-llm-signature'}, undef, 'no secret, no signature');
is(scalar $json->got(0), 0, 'the outer one does not');

# nothing is said again, nothing is forgotten

ok(kill_manager($t), 'the background process is killed and comes back');
is(scalar $json->got(0), 0, 'and repeats nothing');
call($t, 'later', 5);
@got = $json->got(1);
is_deeply([ map { $_->{json}{threshold} } @got ], [ 50 ], 'but goes on');

ok($t->reload, 'a reload');
is(scalar $json->got(0), 0, 'repeats nothing');
call($t, 'later', 3);
@got = $json->got(1);
is_deeply([ map { $_->{json}{threshold} } @got ], [ 80 ], 'and goes on');

call($t, 'other', 5);
wait_for(sub { $json->all > $json->{seen} }, 15);
ok($t->quit, 'nginx ends');
$t->start;
@got = $json->got(1);
is_deeply([ map { $_->{json}{threshold} } @got ], [ 50 ],
          'a restart repeats nothing');
is(scalar $slack->got(0), 0, 'to nobody');

# killed in the middle of a delivery; what comes of it is seen below

$hung->answers({ status => 200, delay => 5 }, 200);
call($t, 'hung', 5);
ok(wait_for(sub { scalar $hung->all }), 'a delivery is under way');
ok(kill_manager($t), 'the background process is killed in it');
# a receiver with trouble

$flaky->answers(500, 503, 302, 200);
call($t, 'flaky', 5);
@got = $flaky->got(4, timeout => 30);
is_deeply([ map { $_->{status} } @got ], [ 500, 503, 302, 200 ],
          'it is tried until it is taken; a redirect is not followed');
is(scalar(keys %{ { map { ($_->{headers}{'x-llm-delivery'} => 1) } @got } }),
   1, 'under one id');
is(scalar(keys %{ { map { ($_->{body} => 1) } @got } }), 1, 'unchanged');
my @pause = map { $got[$_]{time} - $got[$_ - 1]{time} } 1 .. $#got;
diag(sprintf 'tried again after %.1f, %.1f, %.1f s', @pause);

$flaky->answers(410, 200);
call($t, 'gone', 5);
@got = $flaky->got(1);
is_deeply([ map { $_->{status} } @got ], [ 410 ], 'gone is final');
ok(wait_for(sub { $t->error_log
                      =~ /\[error\].*it is given up after 1 tries: HTTP 410/ }),
   'and is an error in the log');

$flaky->answers({ status => 429, headers => { 'Retry-After' => 4 } }, 200);
call($t, 'moved', 5);
@got = $flaky->got(2, timeout => 20);
is_deeply([ map { $_->{status} } @got ], [ 429, 200 ],
          'a receiver that has enough is asked again');
cmp_ok($got[1]{time} - $got[0]{time}, '>=', 3.9, 'when it said');

# what was under way when the background process was killed

@got = $hung->got(2, timeout => 60);
is(scalar @got, 2, 'it is sent once more');
is($got[0]{json}{id}, $got[1]{json}{id}, 'under the same id');
is($got[0]{body}, $got[1]{body}, 'as it was');

# nobody there, and the background process dies

$json->stop;
call($t, 'other', 3);
ok(wait_for(sub { $t->status->{alerts}{pending} }), 'one is pending');
ok(wait_for(sub { $t->status->{alerts}{last_error}
                      =~ m{^http://127\.0\.0\.1:$json->{port}: \w} }),
   'and status says why it could not be delivered');
like($t->get('/metrics')->{body}, qr/^llm_alert_deliveries_pending 1$/m,
     'metrics, too');
ok(kill_manager($t), 'the background process is killed');
$json->start;
@got = $json->got(1, timeout => 60);
is_deeply([ map { $_->{json}{threshold} } @got ], [ 80 ],
          'it is delivered when there is somebody');
ok(LLM::Webhook::signed($got[0], $signing), 'signed');

# a certificate that nobody has signed

call($t, 'tls', 5);
ok(wait_for(sub { ($t->status->{alerts}{last_error} // '')
                      =~ /certificate/i }, 20),
   'a receiver whose certificate is not good')
    or diag(explain($t->status->{alerts}));
is(scalar $tls->all, 0, 'is told nothing');
is($t->status->{alerts}{pending}, 1, 'it is tried on');

# a receiver that leaves the configuration, and comes back

my $conf = $t->{conf};
(my $without = $t->{vars}{KEYS}) =~ s/llm_alert 50% url=https:\S+;//;
my $with = $t->{vars}{KEYS};
$t->{vars}{KEYS} = $without;
ok($t->reload($conf), 'without this receiver');
$t->{vars}{KEYS} = $with;
ok($t->reload($conf), 'and with it');
ok(wait_for(sub { $t->status->{alerts}{pending} == 1 }, 20),
   'its alert waits for it');

# the breaker

$json->got(0);
$t->sim_control('defaults', json_encode({ error => 'InternalServerException' }));
call($t, 'broken', 1) for 1 .. 3;
@got = $json->got(1);
is_deeply([ map { [ @{ $_->{json} }{qw(type state)} ] } @got ],
          [ [ 'provider_breaker', 'open' ] ], 'a breaker opens');
is_deeply($got[0]{json}{account}, { kind => 'provider', name => 'weak' },
          'of this provider');
like($got[0]{json}{text}, qr/Provider weak rests/, 'in words');
ok(LLM::Webhook::signed($got[0], $signing), 'signed');
ok($t->reload, 'a reload');
is(scalar $json->got(0), 0, 'is no news');

$t->sim_control('defaults', json_encode({}));
wait_for(sub { call($t, 'broken', 1) == 200 }, 20);
@got = $json->got(1);
is_deeply([ map { [ @{ $_->{json} }{qw(type state)} ] } @got ],
          [ [ 'provider_breaker', 'closed' ] ], 'it closes');

# over all: each threshold once (of "tls" the outer alerts may have told while
# its own was not there), and what is gone is left alone

my %told;
$told{"$_->{account}{name} $_->{threshold}"}++
    for grep { $_->{type} eq 'budget_threshold' && $_->{account}{name} ne 'tls' }
        map { $_->{json} } $json->all;
is_deeply(\%told, { map { ($_ => 1) } 'soft 50', 'soft 80', 'soft 100',
                    'jump 80', 'later 50', 'later 80', 'other 50', 'other 80' },
          'nothing was said twice');
is(scalar(grep { $_->{path} eq '/gone' } $flaky->all), 1,
   'nobody asks again who is gone');

# what the page and the logs say

ok(wait_for(sub { $t->status->{alerts}{pending} == 1 }),
   'all but one are delivered');

my $metrics = $t->get('/metrics')->{body};
my ($ok) = $metrics =~ /^llm_alert_deliveries_total\{result="ok"\} (\d+)$/m;
my ($failed)
    = $metrics =~ /^llm_alert_deliveries_total\{result="failed"\} (\d+)$/m;
my ($given_up)
    = $metrics =~ /^llm_alert_deliveries_total\{result="given_up"\} (\d+)$/m;
cmp_ok($ok, '>=', 4, "delivered: $ok");
cmp_ok($failed, '>=', 4, "failed tries: $failed");
is($given_up, 1, 'given up');
like($t->get('/llm/', headers => { Accept => 'text/html' })->{body},
     qr/Alerts: $ok delivered, 1 to be delivered/, 'on the page');

my $everything = $t->error_log
    . $t->get('/llm/', headers => { Accept => 'application/json' })->{body}
    . $metrics . join '', map { LLM::Test::slurp($_) } glob "$t->{prefix}/store/*";
unlike($everything, qr/querysecret|slacksecret|\Q$signing\E/,
       'no secret in logs, status, metrics, store');

$t->finish;
done_testing();
