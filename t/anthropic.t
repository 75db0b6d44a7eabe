#!/usr/bin/perl

# Anthropic Messages onto Bedrock: bodies, betas, streams as proper SSE,
# errors in Anthropic's words.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use LLM::Test;
use Test::More;

my $key = 'sk-test-anthropic-0123456789';

my $t = LLM::Test->gateway(provider => provider('main', 'max_failures 0;'),
                           http => "
    llm_virtual_key tester { secret $key; }
    llm_model_map my-alias claude-3-haiku-20240307;
");

$t->start_sim->start;

my $url = '/anthropic/v1/messages';

sub message {
    my ($text, %o) = @_;

    return { model => 'claude-3-haiku-20240307', max_tokens => 100,
             messages => [ { role => 'user', content => $text } ], %o };
}

sub send_message {
    my ($body, %headers) = @_;

    return $t->post($url, $body, headers => {
        'x-api-key' => $key, 'anthropic-version' => '2023-06-01', %headers });
}

sub upstream {
    my ($seen) = reverse $t->received;
    $seen->{json} = json_decode($seen->{body});
    return $seen;
}

# not streamed

my $r = send_message(message(sim(input => 12, output => 34)));
my $seen = upstream();

is($r->{status}, 200, 'a message') or diag($r->{body});
is($r->{json}{type}, 'message', 'is a message');
is($r->{json}{usage}{output_tokens}, 34, 'with usage');
like($r->{headers}{'content-type'}, qr{^application/json}, 'as JSON');
ok($r->{headers}{'request-id'}, 'with a request id');
is($seen->{path}, '/model/anthropic.claude-3-haiku-20240307-v1%3A0/invoke',
   'goes to InvokeModel');
is($seen->{json}{anthropic_version}, 'bedrock-2023-05-31',
   'with Bedrock\'s version');
ok(!exists $seen->{json}{$_}, "without $_") for qw(model stream);

# streamed

$r = send_message(message(sim(input => 12, output => 34, chunks => 5,
                              thinking => \1, tool => \1, cache_read => 7),
                          stream => \1));
my @events = sse_events($r->{body});

is($r->{status}, 200, 'a stream');
like($r->{headers}{'content-type'}, qr{^text/event-stream}, 'is SSE');
is($events[0]{event}, 'message_start', 'begins with message_start');
is($events[-1]{event}, 'message_stop', 'ends with message_stop');
ok(!(grep { ($_->{event} // '') ne ($_->{json}{type} // '?') } @events),
   'every event has its name');
unlike($r->{body}, qr/amazon-bedrock|"p":/, 'nothing of Bedrock\'s in it');
is(join('', map { $_->{json}{delta}{text} // '' } @events),
   'word1 word2 word3 word4 word5', 'the text');
is(join('', map { $_->{json}{delta}{partial_json} // '' } @events),
   '{"city":"Berlin","unit":"celsius"}', 'the tool\'s arguments');
is((grep { $_->{event} eq 'message_delta' } @events)[0]
       {json}{usage}{output_tokens}, 34, 'the usage');
like(upstream()->{path}, qr{/invoke-with-response-stream$},
     'goes to the streaming operation');

for my $o ([ 'byte by byte', split => 1 ], [ 'gzip', gzip => \1 ]) {
    my ($name, @o) = @$o;
    $r = send_message(message(sim(output => 9, chunks => 9, @o),
                              stream => \1));
    @events = sse_events($r->{body});
    is(scalar(grep { $_->{event} eq 'content_block_delta' } @events), 9,
       "$name: all events");
}

$r = send_message(message(sim(output => 9, chunks => 10, delay_ms => 100),
                          stream => \1));
cmp_ok($r->{first}, '<', 0.5, 'events come as they happen');

# models

for my $case (
    [ 'claude-3-haiku-20240307', 'anthropic.claude-3-haiku-20240307-v1:0' ],
    [ 'claude-sonnet-4-20250514', 'us.anthropic.claude-sonnet-4-20250514-v1:0' ],
    [ 'claude-sonnet-4-5', 'us.anthropic.claude-sonnet-4-5-20250929-v1:0' ],
    [ 'anthropic.claude-3-haiku-20240307-v1:0',
      'anthropic.claude-3-haiku-20240307-v1:0' ],
    [ 'eu.anthropic.claude-sonnet-4-20250514-v1:0',
      'eu.anthropic.claude-sonnet-4-20250514-v1:0' ],
    [ 'my-alias', 'anthropic.claude-3-haiku-20240307-v1:0' ])
{
    my ($name, $id) = @$case;
    $r = send_message(message('hi', model => $name));
    is($r->{status}, 200, "$name: 200") or diag($r->{body});
    (my $path = $id) =~ s/:/%3A/g;
    is(upstream()->{path}, "/model/$path/invoke", "$name: $id");
}

$r = send_message(message('hi', model => 'claude-nothing-9'));
is($r->{status}, 404, 'an unknown model: 404') or diag($r->{body});
is($r->{json}{error}{type}, 'not_found_error', 'an unknown model: type');

# unknown members and betas

$r = send_message(message('hi', temperature => 0.5, top_k => 3,
                          some_new_member => { a => [ 1, 2 ] },
                          metadata => { user_id => 'u' }));
$seen = upstream();
is($r->{status}, 200, 'unknown members: 200') or diag($r->{body});
is_deeply($seen->{json}{some_new_member}, { a => [ 1, 2 ] }, 'carried');
is($seen->{json}{temperature}, 0.5, 'known ones too');

$r = send_message(message('hi', mcp_servers => [], service_tier => 'auto',
                          container => 'x', inference_geo => 'us'));
is($r->{status}, 200, 'members that Bedrock refuses are left out')
    or diag($r->{body});

$r = send_message(message('hi'), 'anthropic-beta' =>
    'interleaved-thinking-2025-05-14,no-such-flag-2099-01-01,'
    . 'context-1m-2025-08-07');
is($r->{status}, 200, 'an unknown beta does not break the request')
    or diag($r->{body});
my %betas = map { ($_ => 1) } @{ upstream()->{json}{anthropic_beta} // [] };
ok($betas{'context-1m-2025-08-07'}, 'known betas go on');
ok(!$betas{'no-such-flag-2099-01-01'}, 'unknown ones do not');

$r = $t->post("$url?beta=true", message('hi'), headers => {
    Authorization => "Bearer $key", 'anthropic-version' => '2026-10-21' });
is($r->{status}, 200, 'bearer, a query, another version');

# count_tokens, models

$r = $t->post("$url/count_tokens", message(sim(input => 77)), key => $key);
is($r->{status}, 200, 'count_tokens: 200') or diag($r->{body});
is($r->{json}{input_tokens}, 77, 'count_tokens: counts');

my $bare = message(sim(input => 78));
delete $bare->{max_tokens};
$r = $t->post("$url/count_tokens", $bare, key => $key);
is($r->{json}{input_tokens}, 78, 'count_tokens without max_tokens')
    or diag($r->{body});

$r = $t->get('/anthropic/v1/models', key => $key);
is($r->{status}, 200, 'models: 200') or diag($r->{body});
ok(scalar(grep { $_->{id} =~ /^claude-/ && $_->{type} eq 'model' }
              @{ $r->{json}{data} // [] }), 'models: there are some');
ok(exists $r->{json}{has_more}, 'models: a page');

$r = $t->get('/anthropic/v1/models/claude-sonnet-4-20250514', key => $key);
is($r->{status}, 200, 'one model') or diag($r->{body});
is($t->get('/anthropic/v1/models')->{status}, 401, 'models need a key');

# errors

for my $case (
    [ 400, 'ValidationException', 400, 'invalid_request_error' ],
    [ 404, 'ResourceNotFoundException', 404, 'not_found_error' ],
    [ 403, 'AccessDeniedException', 403, 'permission_error' ],
    [ 403, 'ExpiredTokenException', 529, 'overloaded_error' ],
    [ 429, 'ThrottlingException', 429, 'rate_limit_error' ],
    [ 500, 'InternalServerException', 500, 'api_error' ],
    [ 503, 'ServiceUnavailableException', 529, 'overloaded_error' ],
    [ 408, 'ModelTimeoutException', 504, 'timeout_error' ],
    [ 424, 'ModelErrorException', 500, 'api_error' ])
{
    my ($status, $name, $wanted, $type) = @$case;

    for my $stream (0, 1) {
        $t->sim_control('reset', {});
        my $how = $stream ? 'stream' : 'message';
        $r = send_message(message(sim(status => $status, error => $name),
                                  $stream ? (stream => \1) : ()));
        is($r->{status}, $wanted, "$name, $how: $wanted");
        is($r->{json}{type}, 'error', "$name, $how: shape");
        is($r->{json}{error}{type}, $type, "$name, $how: $type");
        ok(length $r->{json}{error}{message}, "$name, $how: message");
    }
}

# refused by Bedrock's own check, told as Anthropic would

my $no_max = message('hi');
delete $no_max->{max_tokens};
$r = send_message($no_max);
is($r->{status}, 400, 'without max_tokens: 400');
is($r->{json}{error}{type}, 'invalid_request_error',
   'without max_tokens: type');
like($r->{json}{error}{message}, qr/max_tokens/,
     'without max_tokens: says so');

$t->finish;
done_testing;
