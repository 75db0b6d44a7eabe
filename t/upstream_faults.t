#!/usr/bin/perl

# A provider that breaks in the middle: what the client is told, what is
# charged.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use LLM::Test;
use Test::More;

my $key = 'sk-test-faults-0123456789';

my $t = LLM::Test->gateway(provider =>
    provider('main', 'max_failures 0; read_timeout 500ms;'
                     . ' first_byte_timeout 500ms;'),
    http => "llm_virtual_key tester { secret $key; }\n");

$t->start_sim->start;

my $invoke = invoke_path($LLM::Test::haiku);
my $stream = invoke_path($LLM::Test::haiku, 'invoke-with-response-stream');
my $cstream = invoke_path($LLM::Test::haiku, 'converse-stream');
my $messages = '/anthropic/v1/messages';

my $spent = 0;

# what the ledger moved by since the last call of this

sub charged {
    wait_for(sub { $t->held(virtual_key => 'tester') == 0 });
    my $now = $t->spent(virtual_key => 'tester');
    my $moved = $now - $spent;
    $spent = $now;
    return $moved;
}

sub body_for {
    my ($url, @o) = @_;

    my $text = sim(input => 1000, output => 500, chunks => 20, @o);

    return converse($text, inferenceConfig => { maxTokens => 600 })
        if $url eq $cstream;
    return claude($text, max_tokens => 600) if $url ne $messages;
    return { model => 'claude-3-haiku-20240307', max_tokens => 600,
             stream => \1,
             messages => [ { role => 'user', content => $text } ] };
}

# Streams that end in the middle.  The client sees that they did; what was
# seen is charged, never refunded.

for my $case (
    [ 'exception', exception_after => 6, exception => 'throttlingException' ],
    [ 'model error', exception_after => 6,
      exception => 'modelStreamErrorException' ],
    [ 'error frame', error_frame_after => 6, error => 'InternalError' ],
    [ 'cut', cut_after => 6 ], [ 'cut in a frame', cut_after => 6,
                                 cut_bytes => 20 ],
    [ 'reset', reset_after => 6 ], [ 'wrong message CRC', bad_crc_after => 6 ],
    [ 'wrong prelude CRC', bad_prelude_after => 6 ],
    [ 'silence', hang_after => 6 ])
{
    my ($name, @o) = @$case;

    for my $url ($stream, $cstream, $messages) {
        my $how = $url eq $stream ? 'invoke' : $url eq $cstream ? 'converse'
                : 'anthropic';
        charged();
        my $r = $t->post($url, body_for($url, @o), key => $key, timeout => 5);
        my $cost = charged();

        is($r->{status}, 200, "$name, $how: had begun");
        cmp_ok($cost, '>', 0, "$name, $how: charged something");
        cmp_ok($cost, '<=', 2_000_000, "$name, $how: not without measure");

        if ($how eq 'anthropic') {
            my @events = sse_events($r->{body});
            my ($last) = grep { $_->{event} eq 'error' } reverse @events;
            ok($last || !$r->{complete},
               "$name, $how: the client can tell");
            is($last->{json}{type}, 'error', "$name, $how: error event")
                if $last;
            ok(!(grep { $_->{event} eq 'message_stop' } @events),
               "$name, $how: no message_stop");
        } else {
            my ($last) = reverse frames($r->{body});
            ok(!$r->{complete} || $last->{broken}
               || $last->{headers}{':exception-type'}
               || ($last->{headers}{':message-type'} // '') eq 'error',
               "$name, $how: the client can tell");
        }
    }
}

# a JSON body that breaks off

for my $o ([ 'cut', cut_after => 40 ], [ 'reset', reset_after => 40 ]) {
    my ($name, @o) = @$o;
    my $r = $t->post($invoke, body_for($invoke, @o), key => $key);
    ok(!$r->{complete} || $r->{status} >= 500, "$name in JSON: visible");
    cmp_ok(charged(), '>=', 0, "$name in JSON: settled");
}

# answers that are none

for my $case ([ 'garbage for a stream', $stream, garbage => \1 ],
              [ 'garbage for SSE', $messages, garbage => \1 ],
              [ 'unknown operation', $invoke, unknown_operation => \1 ],
              [ 'unknown operation, anthropic', $messages,
                unknown_operation => \1 ],
              [ 'hang', $invoke, hang => \1 ],
              [ 'hang, anthropic', $messages, hang => \1 ])
{
    my ($name, $url, @o) = @$case;
    my $r = $t->post($url, body_for($url, @o), key => $key, timeout => 6);
    ok(!($r->{status} == 200 && $r->{complete}
         && $url eq $messages && $r->{body} =~ /message_stop/),
       "$name: no good answer");
    ok($r->{status} == 0 || $r->{status} >= 400 || !$r->{complete}
       || $name =~ /stream|operation$/, "$name: $r->{status}")
        or diag($r->{body});
    charged();
}

# usage that is not reported is estimated, not forgotten

for my $url ($invoke, $stream, $cstream) {
    charged();
    my $r = $t->post($url, body_for($url, no_usage => \1), key => $key);
    is($r->{status}, 200, 'no usage reported: 200');
    cmp_ok(charged(), '>', 0, 'no usage reported: charged as estimated');
}

# the provider's errors in its own words, for free

for my $name (qw(ValidationException AccessDeniedException
                 ResourceNotFoundException ThrottlingException
                 ModelTimeoutException ModelErrorException
                 InternalServerException ServiceUnavailableException
                 ServiceQuotaExceededException))
{
    my $r = $t->post($invoke, body_for($invoke, error => $name,
                                       message => "about $name"),
                     key => $key);
    cmp_ok($r->{status}, '>=', 400, "$name: $r->{status}");
    is(charged(), 0, "$name: free");
    ok($r->{json}, "$name: JSON");
}

# trouble with our own credentials is not told to clients

for my $name (qw(ExpiredTokenException UnrecognizedClientException
                 InvalidSignatureException))
{
    my $r = $t->post($messages, body_for(
        $messages, error => $name, message => 'the role arn:aws:x is bad'),
        key => $key);
    cmp_ok($r->{status}, '>=', 500, "$name, anthropic: $r->{status}");
    unlike($r->{body}, qr/arn:aws/, "$name, anthropic: no detail");
}

is($t->post($invoke, body_for($invoke), key => $key)->{status}, 200,
   'good requests go on being served');
is(charged(), 875_000, 'and are charged exactly');
is($t->held(virtual_key => 'tester'), 0, 'nothing is held');

$t->finish;
done_testing;
