#!/usr/bin/perl

# Status and metrics as a client asks for them: form, path, method, names that
# need escaping, more keys than one answer holds.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use LLM::Test;
use Test::More;

my $key = 'sk-test-endpoints-0123456789';
my $keys = 4200;

my $t = LLM::Test->gateway(provider => provider('main')
    . provider('gone', 'endpoint http://127.0.0.1:1; max_failures 1;'),
    http => "
    llm_unpriced_model allow;
    llm_route both { provider gone weight=1; provider main backup; }
    llm_customer acme { llm_budget 5000 1M; llm_budget 7 total soft; }
    llm_team ml { customer acme; }
    llm_virtual_key tester { secret $key; team ml; route both;
        llm_budget 0.012345678 1d hard;
        llm_rate_limit requests=1000/1h concurrency=20; }
" . join("\n", map { "llm_virtual_key k$_ { secret $key-$_; }" } 1 .. $keys),
    server => '
    location /st { llm_status; }
    location = /exact { llm_status; }
    location ~ ^/re { llm_status; }
');

$t->start_sim->start;

is($t->post(invoke_path($LLM::Test::haiku), claude('hi'), key => $key)
   ->{status}, 200, 'a call');

# ids that could break a page or a scrape, the last two differ in one byte

my @odd = ('anthropic.<b>"x&y%25\z', "anthropic.a-\xc3\xa4",
           "anthropic.\xe4", "anthropic.\xe5");
$t->post(invoke_path($_), claude('hi'), key => $key) for @odd;
wait_for(sub { $t->held(virtual_key => 'tester') == 0 });

# forms and paths

my $json = 'application/json';
my $html = 'text/html; charset=utf-8';
my $browser = 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8';

for my $case (
    [ '/llm/', undef, 200, $json ],
    [ '/llm/', '*/*', 200, $json ],
    [ '/llm/', $browser, 200, $html ],
    [ '/llm/', 'text/html', 200, $html ],
    [ '/llm/', 'text/*', 200, $html ],
    [ '/llm/', 'text/html;q=0', 200, $json ],
    [ '/llm/', 'text/html;q=0.5, application/json', 200, $json ],
    [ '/llm/', 'application/json;q=0.2, TEXT/HTML ; q=0.7', 200, $html ],
    [ '/llm/', 'image/png', 200, $json ],
    [ '/llm/', ',,;;q=,text/html;;q', 200, $html ],
    [ '/llm/?format=json', $browser, 200, $json ],
    [ '/llm/?format=html', undef, 200, $html ],
    [ '/llm/?format=xml', undef, 400, $json ],
    [ '/llm/?offset=x', undef, 400, $json ],
    [ '/llm/?offset=-1', undef, 400, $json ],
    [ '/llm/?fromat=html', undef, 400, $json ],
    [ '/llm/status?format=json&format=html', undef, 400, $json ],
    [ '/llm/?offset=99999999999999999999', undef, 400, $json ],
    [ '/llm/?offset=999999', $browser, 200, $html ],
    [ '/llm/?usage=no', $browser, 200, $html ],
    [ '/llm/?usage=some', undef, 400, $json ],
    [ '/llm/status', undef, 200, $json ],
    [ '/llm/statusx', undef, 404, $json ],
    [ '/llm/keys', $browser, 404, $json ],
    [ '/st', undef, 200, $json ],
    [ '/st/', undef, 200, $json ],
    [ '/st/status', undef, 200, $json ],
    [ '/stx', undef, 404, $json ],
    [ '/ststatus', undef, 404, $json ],
    [ '/llm/logs', undef, 404, $json ],
    [ '/exact', undef, 200, $json ],
    [ '/re/any', undef, 200, $json ],
) {
    my ($uri, $accept, $status, $type) = @$case;

    my $r = $t->get($uri, headers => { defined $accept
                                       ? (Accept => $accept) : () });
    is("$r->{status} $r->{headers}{'content-type'}", "$status $type",
       "$uri " . ($accept // ''));
    is($r->{headers}{'cache-control'}, 'no-store', "$uri is not cached");
}

for my $uri ('/llm/', '/metrics') {
    my $r = $t->request('POST', $uri, body => 'x' x 100_000);
    is("$r->{status} $r->{headers}{allow}", '405 GET, HEAD', "POST $uri");

    $r = $t->request('HEAD', $uri);
    is($r->{body}, '', "HEAD $uri");
    cmp_ok($r->{headers}{'content-length'}, '>', 1000, "HEAD $uri: length");
}

# the page

my $page = $t->get('/llm/', headers => { Accept => $browser });
ok(utf8::decode(my $text = $page->{body}), 'page: UTF-8');
like($text, qr/anthropic\.&lt;b&gt;&quot;x&amp;y%\\z/, 'page: escaped');
unlike($text, qr/<b>|<script|https?:/, 'page: nothing from elsewhere');
like($page->{headers}{'content-security-policy'}, qr/^default-src 'none'/,
     'page: and nothing could be');

# numbers of accounts

my $status = $t->status;
my ($tester) = grep { $_->{name} eq 'tester' } @{ $status->{virtual_keys} };
my %limit = map { ($_->{metric} => $_) } @{ $tester->{limits} };

is("$tester->{team} $tester->{customer}", 'ml acme', 'whose key');
is($limit{cost}{limit}, '0.012345678', 'a limit to the nanodollar');
cmp_ok(abs($limit{cost}{used} + $limit{cost}{remaining} - 0.012345678), '<',
       1e-12, 'used and remaining are the limit');
is($limit{cost}{mode}, 'hard', 'its mode');
like($limit{cost}{resets}, qr/^\d{4}-\d\d-\d\dT00:00:00Z$/, 'its reset');
is($limit{requests}{used}, 5, 'requests');
is($limit{concurrency}{window}, undef, 'concurrency has no window');

my ($forever) = grep { $_->{window} eq 'total' }
    @{ $status->{customers}[0]{limits} };
is($forever->{resets}, undef, 'never');

# providers

my %provider = map { ($_->{name} => $_) } @{ $status->{providers} };
ok($provider{main}{up}, 'up');
is($provider{main}{attempts}{ok}, 5, 'calls');
ok(!$provider{gone}{up}, 'down');
is($provider{gone}{health}{state}, 'resting', 'it rests');
like($provider{gone}{health}{open_until}, qr/^\d{4}-/, 'until then');
is($provider{gone}{attempts}{connect}, 1, 'as it could not be reached');

# more than an answer holds

is(scalar @{ $status->{virtual_keys} }, 1000, 'a thousand keys');
is($status->{next_offset}, 1000, 'and more');

my $last = $t->get("/llm/?offset=4000&format=json&usage=yes")->{json};
is(scalar @{ $last->{virtual_keys} }, $keys + 1 - 4000, 'the rest');
is($last->{next_offset}, undef, 'no more');
is(scalar @{ $last->{customers} }, 0, 'customers were before');
ok($last->{usage}, 'with who used what');
ok(!exists $t->get('/llm/?usage=no')->{json}{usage}, 'and without');

# metrics

my $metrics = $t->get('/metrics')->{body};
my %seen;
my @twice = grep { /^([^#].*) \S+$/ && $seen{$1}++ } split /\n/, $metrics;

is("@twice", '', 'no sample twice');
unlike($metrics, qr/[^\x0a\x20-\x7e]/, 'nothing but ASCII');
like($metrics, qr/model="anthropic\.<b>\\"x&y%25\\\\z"/, 'escaped');
like($metrics, qr/model="anthropic\.a-%C3%A4"/, 'encoded');
like($metrics, qr/model="anthropic\.%$_"/, 'and told apart') for qw(E4 E5);
like($metrics, qr/^llm_limit_reset_timestamp_seconds\{scope="customer",
                  account="acme",metric="cost",window="1M",
                  mode="normal"\}\ \d{10}$/mx, 'reset time');
like($metrics, qr/^llm_provider_up\{provider="gone"\} 0$/m, 'a provider down');
like($metrics, qr/^llm_breaker_open\{provider="gone"\} 1$/m, 'it rests');
like($metrics, qr/^llm_virtual_key_info\{virtual_key="tester",team="ml",
                  customer="acme"\}\ 1$/mx, 'whose key');

my ($omitted) = $metrics =~ /^llm_accounts_omitted (\d+)$/m;
is($omitted, $keys + 5 - 4096, 'accounts are bounded');

$t->finish;
done_testing;
