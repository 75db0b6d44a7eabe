#!/usr/bin/perl

# Real clients, unmodified, against the gateway and the simulated Bedrock: each
# program of t/clients prints TAP, which becomes this test's.

use strict;
use warnings;

use FindBin;
use IO::Select;
use lib "$FindBin::Bin/lib";

use LLM::Test;
use Test::More;

my $build = $ENV{LLM_BUILD_DIR} // "$LLM::Test::root/build";

if (!-x "$build/venv/bin/aws" || !-d "$build/node_modules") {
    die "the clients are not installed: scripts/install test\n";
}

my $t = LLM::Test->new(workers => 2, conf => <<'CONF');
%%GLOBALS%%

http {
    %%HTTP%%
    client_max_body_size 32m;
    client_body_buffer_size 256k;

    llm_unpriced_model allow;
    llm_store store sync=100ms;

    llm_provider bedrock {
        type bedrock;
        region us-east-1;
        endpoint https://localhost:%%SIM_PORT%%;
        ssl_trusted_certificate %%PREFIX%%/tls.crt;
        %%CREDENTIALS%%;
        read_timeout 20m;
    }

    llm_customer acme { llm_budget 100000 1M; }
    llm_team clients { customer acme; llm_budget 50000 1M; }

    llm_virtual_key good {
        secret file:%%PREFIX%%/good.key;
        team clients;
        llm_budget 10000 1w;
        llm_rate_limit requests=100000/1h tokens=100000000/1h concurrency=200;
    }

    llm_virtual_key signing {
        secret file:%%PREFIX%%/signing.key;
        sigv4 on;
        team clients;
    }

    llm_virtual_key broke {
        secret file:%%PREFIX%%/broke.key;
        team clients;
        llm_budget 0.000001 1Y hard;
    }

    llm_virtual_key busy {
        secret file:%%PREFIX%%/busy.key;
        team clients;
        llm_rate_limit concurrency=1;
    }

    server {
        listen 127.0.0.1:%%PORT%%;
        listen 127.0.0.1:%%PORT_h2c%% http2;
        listen 127.0.0.1:%%PORT_tls%% ssl http2;

        ssl_certificate %%PREFIX%%/tls.crt;
        ssl_certificate_key %%PREFIX%%/tls.key;

        llm_client_abort cancel;

        location /anthropic/ { llm_pass anthropic; }
        location /bedrock/ { llm_pass bedrock; }
        location = /metrics { llm_metrics; }
        location /llm/ { llm_status; }
    }
}
CONF

my %secret = map { ($_ => "vk-$_-" . '0123456789abcdef' x 2) }
             qw(good signing broke busy);

$t->file("$_.key", $secret{$_}) for keys %secret;

my $tls = $t->file('tls');

system("openssl req -x509 -newkey rsa:2048 -nodes -days 30 -subj /CN=localhost"
       . " -addext subjectAltName=IP:127.0.0.1,DNS:localhost"
       . " -keyout $tls.key -out $tls.crt 2>/dev/null") == 0
    or BAIL_OUT('openssl makes no certificate');

$t->start_sim('--cert', "$tls.crt", '--key', "$tls.key");
$t->{vars}{SIM_PORT} = $t->{sim_port};
$t->start;

# an address that the tests' own environment does not change

delete @ENV{grep { /^(?:AWS_|ANTHROPIC_|CLAUDE)/ } keys %ENV};

my ($http, $h2c, $https) = map { '127.0.0.1:' . $t->port($_) } '', qw(h2c tls);

%ENV = (%ENV,
    LLM_BUILD_DIR => $build,
    LLM_ANTHROPIC_URL => "http://$http/anthropic",
    LLM_ANTHROPIC_H2C_URL => "http://$h2c/anthropic",
    LLM_ANTHROPIC_TLS_URL => "https://$https/anthropic",
    LLM_BEDROCK_URL => "http://$http/bedrock",
    LLM_BEDROCK_H2C_URL => "http://$h2c/bedrock",
    LLM_BEDROCK_TLS_URL => "https://$https/bedrock",
    LLM_METRICS_URL => "http://$http/metrics",
    LLM_PROMETHEUS_PORT => $t->port('prometheus'),
    LLM_CA => "$tls.crt",
    LLM_KEY => $secret{good},
    LLM_SIGV4_NAME => 'signing',
    LLM_SIGV4_SECRET => $secret{signing},
    LLM_BROKE_KEY => $secret{broke},
    LLM_BUSY_KEY => $secret{busy},
    TMPDIR => $t->{prefix},
    NO_PROXY => '127.0.0.1',
    PYTHONDONTWRITEBYTECODE => 1,
    PYTHONWARNINGS => 'ignore',
    NODE_NO_WARNINGS => 1,
);

# the busy key has one request under way all the time: Retry-After is short

my $busy = http_connect($t->port);
my $long = json_encode(claude(sim(text => 'so long', hang_after => 3)));

http_send($busy, join "\r\n",
          'POST ' . invoke_path('anthropic.claude-sonnet-4-20250514-v1:0',
                                'invoke-with-response-stream') . ' HTTP/1.1',
          'Host: localhost', "Authorization: Bearer $secret{busy}",
          'Content-Type: application/json',
          'Content-Length: ' . length $long, '', $long);
IO::Select->new($busy)->can_read(20) or BAIL_OUT('no stream for the busy key');

sub client {
    my ($name, $env, @command) = @_;

    local %ENV = (%ENV, %$env);

    my $pid = open(my $out, '-|') // die "fork: $!";

    if ($pid == 0) {
        open STDERR, '>', "$t->{prefix}/logs/$name.stderr" =~ s/ /-/gr;
        exec 'timeout', 180, @command or POSIX::_exit(127);
    }

    my ($seen, $plan) = (0, undef);

    while (my $line = <$out>) {
        chomp $line;

        if ($line =~ /^(not )?ok \d+ - (.*)/) {
            ok(!$1, "$name: $2");
            $seen++;

        } elsif ($line =~ /^1\.\.(\d+)/) {
            $plan = $1;

        } elsif ($line =~ /^# ?(.*)/) {
            note($1) unless $ENV{HARNESS_ACTIVE} && !$ENV{HARNESS_IS_VERBOSE};
        }
    }

    close $out;

    if (!defined $plan || $plan != $seen || !$seen) {
        fail("$name: runs to its end");
        diag(`tail -n 20 $t->{prefix}/logs/@{[$name =~ s/ /-/gr]}.stderr`);
    }
}

my $clients = "$FindBin::Bin/clients";
my $python = "$build/venv/bin/python";
my ($node) = grep { -x } map { "$_/node" } split /:/, $ENV{PATH};

if (!$node || `$node -p 'parseInt(process.versions.node)'` < 20) {
    $node = "$build/venv/bin/node";
}

my %only = map { ($_ => 1) } @ARGV;
my @clients = (
    ['curl', {}, "$clients/curl.sh"],
    ['anthropic python 2', {}, $python, "$clients/anthropic_sdk.py"],
    ['anthropic python 1', { PYTHONPATH => "$build/python/anthropic-1.17.0" },
     $python, "$clients/anthropic_sdk.py"],
    ['anthropic python 0', { PYTHONPATH => "$build/python/anthropic-0.125.0" },
     $python, "$clients/anthropic_sdk.py"],
    ['anthropic typescript 1', {}, $node, "$clients/anthropic.mjs",
     '@anthropic-ai/sdk'],
    ['anthropic typescript 0', {}, $node, "$clients/anthropic.mjs",
     'anthropic-sdk-0'],
    ['anthropic bedrock', {}, $node, "$clients/anthropic-bedrock.mjs"],
    ['aws javascript', {}, $node, "$clients/aws.mjs"],
    ['boto3', { AWS_CA_BUNDLE => "$tls.crt",
                LLM_BEDROCK_BEARER_URL => $ENV{LLM_BEDROCK_TLS_URL} },
     $python, "$clients/aws.py"],
    ['boto3 1.43', { PYTHONPATH => "$build/python/boto3-1.43.67" },
     $python, "$clients/aws.py"],
    ['aws cli', {}, "$clients/awscli.sh"],
    ['claude', {}, "$clients/claude.sh"],
    ['prometheus', {}, "$clients/prometheus.sh"],
);

for my $client (@clients) {
    client(@$client) if !%only || $only{$client->[0]};
}

# how they are found in the log

my %agent = (curl => 'curl/', 'anthropic python 2' => 'Anthropic/Python+2.',
             'anthropic typescript 1' => 'Anthropic/JS+1.',
             'anthropic bedrock' => 'AnthropicBedrock/JS',
             'aws javascript' => 'aws-sdk-js/', boto3 => 'Boto3/',
             'aws cli' => 'aws-cli/', claude => 'claude-cli/');

for my $name (sort keys %agent) {
    next if %only && !$only{$name};

    my $r;
    my $found = wait_for(sub {
        $r = $t->get("/llm/logs?user_agent=$agent{$name}&status=2xx");
        return $r->{json}{logs} && @{ $r->{json}{logs} } && $r->{json}{logs};
    });
    my @rows = $found ? @$found : ();
    ok(scalar @rows, "$name: is in the log by its user agent")
        or diag($r->{body});
    is(scalar(grep { !$_->{session} || !$_->{end_user} } @rows), 0,
       'Claude Code tells who it is and its session') if $name eq 'claude';
}

close $busy;
$t->finish;
done_testing();
