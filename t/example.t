#!/usr/bin/perl

# The first command of the README with the configuration that we ship: a
# governed, costed, streamed answer, a budget that runs out, and Ctrl-C.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use LLM::Test;
use File::Temp qw(tempdir);
use IO::Socket::INET;
use POSIX qw(:sys_wait_h setpgid);
use Test::More;

my $dir = tempdir('llm-example-XXXXXX', TMPDIR => 1, CLEANUP => 1);
chmod 0755, $dir;

# a free port; the one after it is for HTTP/2

sub free {
    return IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 1,
                                 LocalPort => $_[0]);
}

my $port = 18080 + 2 * ($$ % 1000);    # not where another one looks, too
$port += 2 until free($port) && free($port + 1);

my $out = "$dir/out";
my $run = "$dir/run";

my $pid = fork // die "fork: $!";

if ($pid == 0) {
    setpgid(0, 0);
    delete @ENV{ grep { /^AWS_/ } keys %ENV };
    $ENV{LLM_RUN_DIR} = $run;
    $SIG{INT} = 'DEFAULT';
    open STDOUT, '>', $out or die "$out: $!";
    open STDERR, '>&', \*STDOUT;
    exec "$LLM::Test::root/scripts/run", '--simulate', '--port', $port
        or exit 127;
}

END { kill 'KILL', -$pid if $pid && kill 0, $pid }

sub text { return -e $out ? LLM::Test::slurp($out) : '' }

my $over = 0;
ok(wait_for(sub {
    $over ||= waitpid($pid, WNOHANG) == $pid;
    return $over || text() =~ /Ctrl-C/;
}, 120) && !$over, 'it starts') or die "it does not start:\n" . text();

like(text(), qr/SIMULATED Bedrock/, 'and says that the provider is simulated');
like(text(), qr{URL: +http://127\.0\.0\.1:$port\n}, 'it prints a URL');
my ($key) = text() =~ m{Virtual key: +(\S+)};
ok($key, 'and a key');

# the curl line that it prints

my ($body) = text() =~ /-d '(\{.*?\})'/s;

my $r = http_request('POST', '/anthropic/v1/messages', port => $port,
                     headers => { 'x-api-key' => $key,
                                  'content-type' => 'application/json' },
                     body => $body, timeout => 20);
is($r->{status}, 200, 'an answer') or diag($r->{body});
like($r->{body}, qr/^event: message_start\n/, 'streamed');
like($r->{body}, qr/event: message_stop\ndata: \S+\n\n\z/, 'to its end');

# what it cost, in status, metrics and log

sub get { return http_request('GET', $_[0], port => $port) }

my ($demo) = grep { $_->{name} eq 'demo-key' }
             @{ LLM::Test::json_decode(get('/llm/')->{body})->{virtual_keys} };
cmp_ok($demo->{spent}{cost}, '>', 0, 'charged, as the status says');
like(get('/metrics')->{body}, qr/^llm_cost_dollars_total\{\S*demo-key/m,
     'and the metrics');
ok(wait_for(sub { -e "$run/logs/llm.log" && LLM::Test::slurp(
                      "$run/logs/llm.log") =~ /"price":"exact"/ }),
   'and the log');
unlike(LLM::Test::slurp("$run/logs/llm.log"), qr/"id":""/,
       'which has nothing but calls');

# the dashboard; t/dashboard.t looks at it with a browser

like(text(), qr{Dashboard: +http://127\.0\.0\.1:$port/llm/dashboard/\n},
     'it prints the address of the dashboard');
$r = get('/llm/dashboard/');
is($r->{status}, 200, 'the dashboard is served');
like($r->{headers}{'content-security-policy'}, qr/^default-src 'none';/,
     'and may load nothing from elsewhere');
like(get('/llm/dashboard/app.js')->{headers}{'content-type'},
     qr{^text/javascript}, 'its modules are JavaScript');
is(get('/llm/dashboard')->{headers}{location}, 'dashboard/',
   'its address may lack the last slash');
like(http_request('GET', '/llm/', port => $port,
                  headers => { Accept => 'text/html' })->{body},
     qr{<a href="dashboard/">dashboard</a>}, 'the status page links to it');

# the small key runs out, and is told so

my $small = LLM::Test::slurp("$run/conf/small.key");
$small =~ s/\s+//g;

for my $n (1 .. 40) {
    $r = http_request('POST', '/anthropic/v1/messages', port => $port,
                      headers => { 'x-api-key' => $small },
                      body => { model => 'claude-opus-4-1',
                                max_tokens => 1000, messages => [
                                    { role => 'user', content => 'Go on.' } ] },
                      timeout => 20);
    last if $r->{status} != 200;
}

is($r->{status}, 402, 'ten cents a day run out') or diag($r->{body});
like($r->{body}, qr/small-key.*\$0\.1 per day.*resets \d{4}-\d\d-\d\dT/,
     'whose, how much and until when');

# Ctrl-C goes to the whole group, as a terminal sends it

kill 'INT', -$pid;
ok(wait_for(sub { waitpid($pid, 1) == $pid }, 20), 'Ctrl-C ends it');
is(http_request('GET', '/llm/', port => $port)->{status}, 0, 'nginx is gone');
ok(!kill(0, -$pid), 'and whatever it started');
undef $pid;

done_testing;
