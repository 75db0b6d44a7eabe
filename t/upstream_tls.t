#!/usr/bin/perl

# TLS to the provider: verified unless told otherwise, with the right name,
# kept alive; host names that are resolved in the background.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use LLM::Test;
use Test::More;

my @kinds = qw(good untrusted wrong-name unverified prefix unresolved);
my %key = map { ($_ => "sk-test-$_-0123456789") } @kinds;

my $sim = LLM::Test->new(module => '');
my $dir = $sim->{prefix};

# a CA, and a certificate for localhost only

system(<<"END") == 0 or plan(skip_all => 'openssl makes no certificates');
exec 2> $dir/openssl.log
cd $dir &&
openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=Test-CA \\
    -keyout ca.key -out ca.pem &&
openssl req -newkey rsa:2048 -nodes -subj /CN=localhost -keyout sim.key \\
    -out sim.csr &&
echo subjectAltName=DNS:localhost > san &&
openssl x509 -req -in sim.csr -CA ca.pem -CAkey ca.key -CAcreateserial \\
    -days 2 -extfile san -out sim.pem
END

$sim->start_sim('--cert', "$dir/sim.pem", '--key', "$dir/sim.key");

# the simulated Bedrock's control API speaks TLS, too: asked with curl

sub received {
    my $text = `curl -s --cacert $dir/ca.pem https://localhost:$sim->{sim_port}/_sim/requests`;
    return @{ json_decode($text) // [] };
}

my $port = $sim->{sim_port};
my $trust = "ssl_trusted_certificate $dir/ca.pem;";

my $t = LLM::Test->gateway(
    provider => provider('good', "endpoint https://localhost:$port; $trust")
        . provider('untrusted', "endpoint https://localhost:$port;")
        . provider('wrong-name', "endpoint https://127.0.0.1:$port; $trust")
        . provider('unverified', "endpoint https://127.0.0.1:$port;"
                   . ' ssl_verify off;')
        . provider('prefix', "endpoint https://localhost:$port/vpce; $trust")
        . provider('unresolved', 'endpoint https://nowhere.invalid;'),
    http => join '', map { "llm_route $_ { provider $_; }
        llm_virtual_key $_ { secret $key{$_}; route $_; }\n" } @kinds);

$t->start;

my $path = invoke_path($LLM::Test::haiku);
my $body = claude(sim(input => 10, output => 5));

for my $kind (qw(good unverified)) {
    my $r = $t->post($path, $body, key => $key{$kind});
    is($r->{status}, 200, "$kind: 200") or diag($r->{body});
    $r = $t->post("$path-with-response-stream", $body, key => $key{$kind});
    is((chunks($r->{body}))[-1]{type}, 'message_stop', "$kind: a stream");
}

my @seen = received();
is($seen[0]{sni}, 'localhost', 'the name is in the handshake');
ok($seen[0]{signature_ok}, 'and the signature is for that host');
is($seen[0]{connection}, $seen[1]{connection}, 'the connection is kept');

for my $case ([ 'untrusted' => qr/certificate verify|self.signed|unable to get/ ],
              [ 'wrong-name' => qr/does not match|mismatch/ ])
{
    my ($kind, $why) = @$case;
    my $r = $t->post($path, $body, key => $key{$kind});
    cmp_ok($r->{status}, '>=', 500, "$kind: $r->{status}");
    ok($r->{json}{message}, "$kind: in the dialect");
    like($t->error_log, $why, "$kind: why is in the log");
}

is(scalar(my @now = received()), scalar @seen,
   'nothing was sent to those that are not trusted');

my $r = $t->post($path, $body, key => $key{prefix});
like((received())[-1]{path}, qr{^/vpce/model/}, 'a prefix of the endpoint');

$r = $t->post($path, $body, key => $key{unresolved}, timeout => 8);
is($r->{status}, 503, 'a name that does not resolve: 503') or diag($r->{body});
ok($r->{json}{message}, 'in the dialect');

$t->finish;
$sim->finish;
done_testing;
