#!/usr/bin/perl

# Where AWS credentials come from, their renewal, and what happens without.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use LLM::Test;
use Test::More;

my ($id, $secret) = ($LLM::Test::aws_key, $LLM::Test::aws_secret);
my $bearer = 'bedrock-api-key-0123456789abcdef';
my @kinds = qw(static environ profile process imds container webid role
               bearer bearerfile chain);
my %key = map { ($_ => "sk-test-$_-0123456789") } @kinds;

my $sim = LLM::Test->new(module => "");   # its port goes into the environment
$sim->start_sim('--bearer', $bearer);
my $here = "http://127.0.0.1:$sim->{sim_port}";

my $t = LLM::Test->gateway(
    sim_port => $sim->{sim_port},
    vars => { HERE => $here, BEARER => $bearer },
    env => {
        AWS_ACCESS_KEY_ID => $id, AWS_SECRET_ACCESS_KEY => $secret,
        AWS_CONTAINER_CREDENTIALS_FULL_URI => "$here/_aws/container",
        AWS_CONTAINER_AUTHORIZATION_TOKEN => 'container-token',
        AWS_ROLE_ARN => 'arn:aws:iam::123456789012:role/web',
        AWS_ENDPOINT_URL_STS => $here,
    },
    provider => join('',
        provider('static'),
        provider('environ', 'credentials environment;'),
        provider('profile', 'credentials profile work;'),
        provider('process', 'credentials process %%PREFIX%%/process;'),
        provider('imds', 'credentials imds imds_endpoint=%%HERE%%;'),
        provider('container', 'credentials container;'),
        provider('webid', 'credentials web_identity sts_endpoint=%%HERE%%;'),
        provider('role', "credentials static access_key_id=$id"
            . " secret_access_key=$secret;"
            . ' assume_role arn:aws:iam::123456789012:role/app'
            . ' session_name=gateway external_id=ex-1'
            . ' sts_endpoint=%%HERE%%;'),
        provider('bearer', 'credentials bearer %%BEARER%%;'),
        provider('bearerfile', 'credentials bearer file:%%PREFIX%%/bearer;'),
        provider('chain', 'credentials auto;')),
    http => join '', map { "llm_route $_ { provider $_; }
        llm_virtual_key $_ { secret $key{$_}; route $_; }\n" } @kinds);

$t->{env}{AWS_CONFIG_FILE} = $t->file('aws/config', <<"E1");
[default]
region = us-east-1

[profile work]
region = us-east-1
E1
$t->{env}{AWS_SHARED_CREDENTIALS_FILE} = $t->file('aws/credentials', <<"E2");
[default]
aws_access_key_id = WRONG
aws_secret_access_key = WRONG

[work]
aws_access_key_id = $id
aws_secret_access_key = $secret
E2
$t->{env}{AWS_WEB_IDENTITY_TOKEN_FILE} = $t->file('aws/token', 'a-web-token');
chmod 0755, $t->file('process', qq(#!/bin/sh
echo '{"Version":1,"AccessKeyId":"$id","SecretAccessKey":"$secret"}'
));
$t->file('bearer', "$bearer\n");

$t->sim_control('aws', { external_id => 'ex-1',
                         web_identity_token => 'a-web-token',
                         container_token => 'container-token' });
$t->start;

my $path = invoke_path($LLM::Test::haiku);

sub call {
    my ($kind) = @_;

    return $t->post($path, claude(sim(input => 1, output => 1, tag => $kind)),
                    key => $key{$kind});
}

my %source = (imds => qr/^ASIASIMIMDS/, container => qr/^ASIASIMECS/,
              webid => qr/^ASIASIMWEBI/, role => qr/^ASIASIMROLE/,
              bearer => qr/^bearer/, bearerfile => qr/^bearer/);

for my $kind (@kinds) {
    my $r;
    ok(wait_for(sub { $r = call($kind); $r->{status} == 200 }, 8),
       "$kind: served") or diag($r->{status}, $r->{body});
    my ($seen) = reverse $t->received;
    ok($seen->{signature_ok}, "$kind: signature");
    like($seen->{access_key} // '', $source{$kind} // qr/^\Q$id\E$/,
         "$kind: with the right key");
}

my ($assume) = grep { ($_->{action} // '') eq 'AssumeRole' }
    @{ $t->sim_control('state')->{credential_calls} };
is($assume->{form}{RoleSessionName}, 'gateway', 'the session has its name');

# no worker asked for credentials: once per source, whatever the requests

call('imds') for 1 .. 20;
my @roles = grep { $_->{path} =~ m{security-credentials/.} }
    @{ $t->sim_control('state')->{credential_calls} };
cmp_ok(scalar @roles, '<=', 2, 'IMDS is asked once for many requests');

# revoked: renewed, without an end to service

my ($seen) = reverse grep { ($_->{access_key} // '') =~ /IMDS/ } $t->received;
$t->sim_control('credentials', { remove => [ $seen->{access_key} ] });
my $r;
ok(wait_for(sub { $r = call('imds'); $r->{status} == 200 }, 8),
   'credentials that were revoked are replaced')
    or diag($r->{status}, $r->{body});

# a bearer key in a file is read again

my $other = 'bedrock-api-key-rotated-0123456789';
$t->sim_control('credentials', { bearer => [ $other ],
                                 remove_bearer => [ $bearer ] });
$t->file('bearer', "$other\n");
ok(wait_for(sub { call('bearerfile')->{status} == 200 }, 15),
   'a bearer key that was rotated in its file is taken');

# no secret anywhere

my $all = $t->error_log . $t->get('/llm/')->{body} . $t->get('/metrics')->{body};
unlike($all, qr/\Q$_\E/, 'no secret in log, status, metrics')
    for $secret, $bearer, $other, 'a-web-token', 'container-token';

$t->finish;
$sim->finish;

# the source is down at start: the client is told, and it recovers by itself

my $down = LLM::Test->gateway(
    provider => provider('main', 'credentials imds imds_endpoint=http://%%SIM%%;'),
    http => "llm_virtual_key tester { secret $key{imds}; }\n");
$down->start_sim;
$down->sim_control('aws', { imds => '503' });
$down->start;

$r = $down->post($path, claude('hi'), key => $key{imds});
cmp_ok($r->{status}, '>=', 500, "without credentials: $r->{status}");
ok($r->{json}, 'without credentials: in the dialect');
like($down->error_log, qr/credentials/, 'without credentials: in the log');

$down->sim_control('aws', { imds => 'up' });
ok(wait_for(sub { $down->post($path, claude('hi'), key => $key{imds})->{status}
                  == 200 }, 20), 'it recovers by itself');

$down->finish;
done_testing;
