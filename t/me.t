#!/usr/bin/perl

# What the holder of a virtual key sees with the key itself: everything of
# their own, nothing of anybody else's.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use LLM::HTTP2;
use LLM::Test;
use Test::More;

my %secret = map { ($_ => "sk-test-me-$_-0123456789") } qw(ann bob);

my $t = LLM::Test->gateway(workers => 2, http => "
    llm_store store sync=50ms;
    llm_customer acme { llm_budget 5000 1M; }
    llm_team ml { customer acme; llm_budget 100 1d; }
    llm_virtual_key ann { secret $secret{ann}; team ml; llm_budget 1 1d;
        llm_rate_limit requests=5/1h; }
    llm_virtual_key bob { secret $secret{bob}; team ml; }
    llm_virtual_key signer { secret sk-test-me-signer-0123456789;
        sigv4 on; }
    server {
        listen 127.0.0.1:%%PORT_h2%% http2;
        location /llm/ { llm_status; }
        location /llm/me { llm_me; }
    }
", server => '
    location /llm/me { llm_me; }
    location = /mine { llm_me; }
');

$t->start_sim->start;

sub me {
    my ($path, $who, %o) = @_;

    return $t->get("/llm/me$path", key => $secret{$who // 'ann'}, %o);
}

sub refused { return $t->status->{refusals}{$_[0]} }

$t->post(invoke_path($LLM::Test::haiku), claude("call $_"),
         key => $secret{ann}) for 1 .. 3;
$t->post(invoke_path($LLM::Test::haiku), claude("call $_"),
         key => $secret{bob}) for 1 .. 2;

ok(wait_for(sub { @{ $t->get('/llm/logs')->{json}{logs} // [] } == 5 }),
   'five calls are in the log');

my @rows = @{ $t->get('/llm/logs')->{json}{logs} };
my %id = map { ($_->{virtual_key} => $_->{id}) } @rows;

# who it is

for my $case (
    [ 'no key', 401, 'no_key', sub { $t->get('/llm/me') } ],
    [ 'an unknown key', 401, 'unknown_key',
      sub { $t->get('/llm/me', key => 'sk-test-me-nobody-0123456789') } ],
    [ 'the name of a key', 401, 'unknown_key',
      sub { $t->get('/llm/me', key => 'ann') } ],
    [ 'no key for the log', 401, 'no_key',
      sub { $t->get('/llm/me/logs') } ],
    [ 'no key for an id', 401, 'no_key',
      sub { $t->get("/llm/me/logs/$id{ann}") } ],
    [ 'no key for nothing', 401, 'no_key',
      sub { $t->get('/llm/me/nothing') } ],
    [ 'Basic', 401, 'no_key', sub { $t->get('/llm/me', headers => {
          Authorization => 'Basic YW5uOmFubg==' }) } ],
) {
    my ($what, $status, $type, $ask) = @$case;

    my $before = refused($type);
    my $r = $ask->();
    is("$r->{status} $r->{json}{error}{type}", "$status $type", $what);
    is($r->{headers}{'www-authenticate'}, 'Bearer', "$what: how");
    is(refused($type), $before + 1, "$what: counted");
}

for my $headers ({ 'x-api-key' => $secret{ann} },
                 { Authorization => "bearer  $secret{ann}" },
                 { 'X-Goog-Api-Key' => $secret{ann} })
{
    my $r = $t->get('/llm/me', headers => $headers);
    is("$r->{status} $r->{json}{name}", '200 ann', join ' ', %$headers);
}

is($t->get('/mine', key => $secret{bob})->{json}{name}, 'bob',
   'an exact location');

# what is theirs

my $me = me('')->{json};
my %limit = map { ($_->{metric} => $_) } @{ $me->{limits} };

is("$me->{team} $me->{customer}", 'ml acme', 'team and customer');
is($me->{spent}{requests}, 3, 'requests');
is($limit{requests}{remaining}, 2, 'what is left of them');
cmp_ok(abs($limit{cost}{used} + $limit{cost}{remaining} - 1), '<', 1e-9,
       'and of the budget');

my @above = @{ $me->{above} };
is(join(' ', map { "$_->{kind}:$_->{name}" } @above),
   'team:ml customer:acme', 'those above');
is(join(' ', sort keys %{ $above[0]{limits}[0] }),
   'metric mode remaining resets window', 'of them only what is left');

# the log

my $logs = me('/logs')->{json}{logs};
is(scalar @$logs, 3, 'own rows');
is(join(' ', map { $_->{virtual_key} } @$logs), 'ann ann ann', 'and no other');

for my $query ('virtual_key=ann', 'team=ml', 'customer=acme', 'from=-1h',
               'status=200', 'limit=3&sort=cost')
{
    is(scalar @{ me("/logs?$query")->{json}{logs} }, 3, $query);
}

for my $query ('virtual_key=bob', 'virtual_key=*', 'virtual_key=!ann',
               'virtual_key=ann,bob', 'virtual%5Fkey=bob', 'team=other',
               'team=*', 'team=!ml', 'customer=!nobody')
{
    for my $path (qw(logs spend stats)) {
        my $r = me("/$path?$query");
        my ($field) = $query =~ /^(\w+?)[%=]/;
        is($r->{status}, 403, "$path?$query");
    }
}

is(me('/logs?virtual_key=ann&virtual_key=bob')->{status}, 400,
   'a name twice');
is(me('/logs?text=call&virtual_key=ann%00')->{status}, 400,
   'a name with a NUL');

is(me("/logs/$id{ann}")->{json}{id}, $id{ann}, 'a row of their own');
is(me("/logs/$id{bob}")->{status}, 404, "of somebody else's there is none");
is(me("/logs/$id{bob}")->{body}, me('/logs/' . '0' x 32)->{body},
   'and nothing tells that there is one');
is(me("/logs/$id{bob}", 'bob')->{json}{id}, $id{bob}, 'but for them');
is(me('/logs/xyz')->{status}, 400, 'not an id');
is(me("/logs?id=$id{bob}")->{json}{logs}[0], undef,
   'nor by a filter');

my $page = $t->get('/llm/logs?limit=1&virtual_key=bob')->{json};
my $foreign = me("/logs?cursor=$page->{next}")->{json}{logs};
is(scalar(grep { $_->{virtual_key} ne 'ann' } @$foreign), 0,
   "somebody else's cursor shows own rows");

# reports

my $spend = me('/spend?group_by=virtual_key,team')->{json};
is(join(' ', map { "$_->{virtual_key} $_->{team}" } @{ $spend->{rows} }),
   'ann ml', 'spend: own only');
is($spend->{total}{requests}, 3, 'spend: own requests');
is($spend->{total}{cost}, $me->{spent}{cost}, 'spend: as /me says');
is(me('/stats')->{json}{rows}[0]{requests}, 3, 'stats: own only');

# many at once are in nobody else's way: they come in one piece, so that none is
# answered before the last one is there

my $h2 = LLM::HTTP2->new($t->port('h2'));
my @mine = $h2->get_all({ 'x-api-key' => $secret{ann} },
                        map { "/llm/me/logs?text=$_" } 1 .. 10);
my @others = $h2->get_all({ 'x-api-key' => $secret{bob} }, '/llm/me/logs');
my @operators = $h2->get_all({}, ('/llm/logs') x 3);
my %answers;

$answers{ $h2->read_all($_)->{status} }++ for @mine;
is_deeply(\%answers, { 200 => 4, 429 => 6 }, 'four queries of a key at once');
is(join(' ', map { $h2->read_all($_)->{status} } @others, @operators),
   '200 200 200 200', 'others are answered');
is($h2->read_all(($h2->get_all({ 'x-api-key' => $secret{ann} },
                               '/llm/me/logs'))[0])->{status}, 200,
   'and so is the key afterwards');
$h2->close;

# what there is, and what it takes

like(me('/keys')->{json}{error}{message}, qr/logs, .*spend, stats, live/,
     'nothing else is there');
is(me('logs')->{status}, 404, '/llm/melogs is not /llm/me/logs');
is(me('?x=1')->{status}, 400, '/me takes nothing');
is($t->post('/llm/me', 'x', key => $secret{ann})->{status}, 405, 'POST');
is($t->request('HEAD', '/llm/me/logs', key => $secret{ann})->{body}, '',
   'HEAD');
unlike(me('')->{body} . me('/logs')->{body}, qr/sk-test|bob/,
       'no secret, no other key');

$t->finish;
done_testing;
