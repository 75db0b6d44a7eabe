#!/usr/bin/perl

# The dashboard in a real browser, over the real gateway: this program makes
# calls for it to show, t/clients/dashboard.mjs looks at it.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use LLM::Test;
use Test::More;

my $build = $ENV{LLM_BUILD_DIR} // "$LLM::Test::root/build";

my ($chromium) = grep { -x } map { ("$_/chromium", "$_/chromium-browser") }
    split /:/, $ENV{PATH};

plan(skip_all => 'NO CHROMIUM: the dashboard is not tested, '
                 . '"scripts/install test" installs it') unless $chromium;

-d "$build/node_modules/playwright-core"
    or die "playwright-core is not installed: scripts/install test\n";

# the location as it is shipped, so that its headers are what is tested

my ($location) = LLM::Test::slurp("$LLM::Test::root/conf/nginx.conf")
    =~ m{(location /llm/dashboard/ \{.*?\n        \}\n)}s;
$location =~ s{alias [^;]*;}{alias $LLM::Test::root/dashboard/;};

# more keys than a chart has colours for; one has the longest name there may be

my $long = substr('a-name-that-goes-on-' x 7, 0, 127);
my @more = ($long, map { "more-$_" } 1 .. 8);
my %key = map { ($_ => "sk-test-$_-0123456789abcdef") }
    qw(staging poor idle), @more;

my $t = LLM::Test->gateway(workers => 2, provider =>
    provider('east', 'region us-east-1; max_failures 0;')
    . provider('west', 'region us-west-2; max_failures 0;'),
    http => <<"END", server => <<"END");
    llm_store %%PREFIX%%/store sync=100ms;
    llm_route pair { provider east; provider west backup; }
    llm_customer acme { llm_budget 5000 1M; }
    llm_customer globex { llm_budget 0.001 1M soft; }
    llm_team ml { customer acme; route pair; llm_budget 2000 1M;
                  llm_rate_limit tokens=2000000/1h; }
    llm_team search { customer globex; route pair; }
    llm_virtual_key staging { secret $key{staging}; team ml;
        llm_budget 500 1w; llm_rate_limit requests=1000/1h concurrency=20;
        llm_log_content request response; }
    llm_virtual_key poor { secret $key{poor}; team search;
        llm_budget 0.000001 1M hard; }
    llm_virtual_key idle { secret $key{idle}; team search; }
    @{[ map { "llm_virtual_key $_ { secret $key{$_}; team search;
        llm_budget 1 1d; }\n" } @more ]}
END
    $location
    location /ops/ { proxy_pass http://127.0.0.1:%%PORT%%/llm/;
                     proxy_buffering off; }
END

$t->start_sim->start;

# what a client may send, to be seen and not to be run

my $hostile = q{"><img src=x onerror="window.hacked=1"><script>window.hacked=2}
    . q{</script>'};

my $haiku = invoke_path($LLM::Test::haiku);
my $stream = invoke_path($LLM::Test::haiku, 'invoke-with-response-stream');
my $sonnet = invoke_path('us.anthropic.claude-sonnet-4-5-20250929-v1:0');

sub call {
    my ($path, $behaviour, %o) = @_;

    my $body = claude(sim(input => 1000, output => 100, %$behaviour));
    $body->{metadata} = { user_id => $o{user} } if $o{user};

    return $t->post($path, $body, key => $key{$o{key} // 'staging'},
                    headers => { %{ $o{headers} // {} } })->{status};
}

is(call($haiku, { output => 100 + $_ }), 200, "call $_") for 1 .. 3;
is(call($stream, { cache_read => 500 }), 200, 'a streamed call');
is(call($sonnet, {}, headers => { 'User-Agent' => $hostile,
                                  'x-llm-tags' => 'nightly,<b>bold' },
        user => $hostile), 200, 'a hostile call');
is(call($haiku, {}, user => '!a, b\\c*'), 200, 'a user like a filter');
is(call($haiku, { status => 400, message => $hostile }), 400,
   'a hostile error message');
is(call($haiku, {}, key => 'poor'), 400, 'a refusal');

$t->script({ match => { region => 'us-east-1' }, status => 429 });
is(call($haiku, { text => 'second try' }), 200, 'a call that fails over');

is(call($haiku, { output => 1 + $_ }, key => 'idle'), 200, "filler $_")
    for 1 .. 60;
is(call($haiku, { output => 10 * $_ }, key => $more[$_ - 1]), 200,
   "one more key $_") for 1 .. @more;

$t->post($stream, claude(sim(output => 80, chunks => 20, delay_ms => 30)),
         key => $key{idle}, limit => 300);

sub logged {
    my $r = $t->get('/llm/logs?limit=1000');
    return $r->{status} == 200 ? scalar @{ $r->{json}{logs} } : 0;
}

ok(wait_for(sub { logged() >= 70 + @more }, 20), 'all are in the log')
    or diag(logged());

my ($node) = grep { -x } map { "$_/node" } split /:/, $ENV{PATH};

if (!$node || `$node -p 'parseInt(process.versions.node)'` < 20) {
    $node = "$build/venv/bin/node";
}

# the browser leaves nothing in anybody's home

delete @ENV{grep { /^XDG_/ } keys %ENV};

local %ENV = (%ENV, LLM_BUILD_DIR => $build, LLM_CHROMIUM => $chromium,
    HOME => $t->{prefix},
    LLM_URL => 'http://127.0.0.1:' . $t->port,
    LLM_CALL => $haiku, LLM_CALL_KEY => $key{staging},
    NODE_NO_WARNINGS => 1);

my $errors = $t->file('logs/dashboard.stderr', '');

open(my $out, '-|', "timeout 300 $node $FindBin::Bin/clients/dashboard.mjs"
                    . " 2>$errors") or die "node: $!";

my ($seen, $planned) = (0, undef);

while (my $line = <$out>) {
    chomp $line;

    if ($line =~ /^(not )?ok \d+ - (.*)/) {
        ok(!$1, $2);
        $seen++;

    } elsif ($line =~ /^1\.\.(\d+)/) {
        $planned = $1;

    } elsif ($line =~ /^# ?(.*)/) {
        diag($1);
    }
}

close $out;

is($seen, $planned, 'the browser runs to its end')
    or diag(LLM::Test::slurp($errors));

$t->finish;
done_testing;
