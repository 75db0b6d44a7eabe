#!/usr/bin/perl

# A row of the request log, field by field, as somebody reads it who wants to
# know what became of a call: what was answered, what failed, what was refused,
# and what each attempt cost.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use LLM::Test;
use List::Util qw(sum0);
use Test::More;
use Time::HiRes qw(time);
use Time::Local qw(timegm);

my $haiku = $LLM::Test::haiku;
my $nova = 'amazon.nova-lite-v1:0';
my $rerank = 'cohere.rerank-v3-5:0';
my $canvas = 'amazon.nova-canvas-v1:0';
my $unpriced = 'anthropic.claude-unheard-of-v1:0';

my $thought = json_encode({ model => $haiku,
    choices => [ { message => { content => 'hi' } } ],
    usage => { prompt_tokens => 100, completion_tokens => 40,
               completion_tokens_details => { reasoning_tokens => 30 } } });

my %key = map { ($_ => "sk-test-rows-$_-0123456789") }
    qw(ann one lost slow west poor few picky said quiet);

my $t = LLM::Test->gateway(provider =>
    provider('east', 'max_failures 0;')
    . provider('west', 'region us-west-2; max_failures 0;')
    . provider('lost', 'region eu-west-3; max_failures 0;'
                       . ' endpoint http://127.0.0.1:%%PORT_nobody%%;')
    . provider('slow', 'region eu-west-1; max_failures 0;'
                       . ' first_byte_timeout 300ms;'),
    http => "
    llm_store %%PREFIX%%/store sync=50ms;
    llm_unpriced_model allow;
    llm_route pair { provider east; provider west backup; }
    llm_route one  { provider east; }
    llm_route lost { provider lost; }
    llm_route slow { provider slow; provider west backup; }
    llm_route west { provider west; }
    llm_customer acme { llm_budget 1000 1M; }
    llm_team ml { customer acme; }
    llm_virtual_key ann  { secret $key{ann}; team ml; route pair; }
    llm_virtual_key one  { secret $key{one}; route one; }
    llm_virtual_key lost { secret $key{lost}; route lost; }
    llm_virtual_key slow { secret $key{slow}; route slow; }
    llm_virtual_key west { secret $key{west}; route west; }
    llm_virtual_key poor { secret $key{poor}; team ml;
                           llm_budget 0.000001 1M hard; }
    llm_virtual_key few  { secret $key{few}; team ml; route one;
                           llm_rate_limit requests=1/1d; }
    llm_virtual_key picky { secret $key{picky}; team ml; models *nova*; }
    llm_virtual_key said  { secret $key{said}; route one;
                            llm_log_content request response size=2k; }
    llm_virtual_key quiet { secret $key{quiet}; route one; }
", server => <<"END");
    proxy_http_version 1.1;
    proxy_buffering off;
    location /cancel/ { llm_client_abort cancel; llm_pass bedrock; }
    location /vllm/ {
        llm_govern openai name=gpu-box;
        proxy_pass http://%%SIM%%/;
    }
    location /hurried/ {
        llm_govern openai name=gpu-box;
        proxy_read_timeout 300ms;
        proxy_pass http://%%SIM%%/;
    }
    location /nobody/ {
        llm_govern openai name=nobody;
        proxy_pass http://127.0.0.1:%%PORT_nobody%%/;
    }
    location /thinker/ {
        llm_govern openai name=thinker;
        proxy_pass http://127.0.0.1:%%PORT%%/canned/;
    }
    location /canned/ {
        default_type application/json;
        return 200 '$thought';
    }
END

$t->start_sim->start;

my $invoke = invoke_path($haiku);
my $stream = invoke_path($haiku, 'invoke-with-response-stream');
my $messages = '/anthropic/v1/messages';
my @rows;           # all that were looked at
my %looked;         # their fields that had to have a value

sub message {
    my ($text, %o) = @_;

    return { model => 'claude-3-haiku-20240307', max_tokens => 100,
             messages => [ { role => 'user', content => $text } ], %o };
}

# the row of an id, as soon as it is there

sub row_of {
    my ($id) = @_;

    return wait_for(sub {
        my $r = $t->get("/llm/logs/$id");
        return $r->{status} == 200 && $r->{json};
    }) || {};
}

# a call, and its row: the id is the one that the answer has

sub call {
    my ($who, $path, $body, %o) = @_;

    my $began = time;
    my $r = $t->post($path, ref $body ? json_encode($body) : $body,
                     key => $key{$who}, %o);
    my $h = $r->{headers};
    my ($id) = grep { defined } @$h{qw(x-llm-request-id request-id
                                       x-amzn-requestid x-request-id)};
    my $row = row_of($id // 'none');

    @$row{qw(asked_at answered_at)} = ($began, time);
    return ($row, $r);
}

# "cost_parts.input", "attempts.0.status"; money in nanodollars

sub field {
    my ($row, $name) = @_;

    my $value = $row;

    for my $part (split /\./, $name) {
        $value = ref $value eq 'ARRAY' ? $value->[$part] : $value->{$part};
    }

    return "$value" + 0 if ref $value eq 'JSON::PP::Boolean';
    return $value if ref $value || !defined $value;
    return $name =~ /cost/ ? LLM::Test::nano($value) : $value;
}

sub row_is {
    my ($name, $row, %expected) = @_;

    my %is = map { ($_ => field($row, $_)) } keys %expected;
    is_deeply(\%is, \%expected, $name) or diag(json_encode($row));
    $looked{ s/\.\d+\././r }++
        for grep { defined $expected{$_} } keys %expected;
    sound($name, $row);
    push @rows, $row;
    return;
}

sub ms {
    my ($text) = @_;

    my ($y, $mon, $d, $h, $min, $s, $ms) =
        $text =~ /^(\d+)-(\d+)-(\d+)T(\d+):(\d+):(\d+)\.(\d{3})Z$/
        or return -1;
    return timegm($s, $min, $h, $d, $mon - 1, $y) * 1000 + $ms;
}

# what holds for every row

sub sound {
    my ($name, $row) = @_;

    my ($received, $end) = map { ms($row->{$_}) } qw(received time);
    my $first = defined $row->{first_token} ? ms($row->{first_token}) : undef;
    my @attempts = @{ $row->{attempts} };
    my @wrong;

    my $must = sub { push @wrong, $_[1] unless $_[0] };

    $must->($received <= $end, 'received, then the end');
    $must->(!defined $first || $received <= $first && $first <= $end,
            'the first token between them');
    $must->($row->{latency_ms} == $end - $received, 'latency');
    $must->(defined $first ? $row->{first_token_ms} == $first - $received
                           : !defined $row->{first_token_ms}, 'first_token_ms');
    $must->(sprintf('%012x', $received) eq substr($row->{id}, 0, 12),
            'the id\'s time');

    if (exists $row->{asked_at}) {
        my ($asked, $answered) = map { 1000 * $_ } @$row{qw(asked_at
                                                            answered_at)};
        $must->($received >= int($asked) && $end <= $answered + 1,
                'between asking and being answered');
        $must->($row->{overhead_us} > 0
                && $row->{overhead_us} <= 1000 * ($answered - $asked),
                'our own work is a part of it');
    }

    my $cost = LLM::Test::nano($row->{cost});
    my $of = sub { sum0(map { LLM::Test::nano($_) } @_) };
    my $last = $attempts[-1];

    $must->($cost == $of->(map { $_->{cost} } @attempts),
            'costs what its attempts cost');
    $must->($cost == $of->(values %{ $row->{cost_parts} }),
            'costs what its parts cost');

    my %tokens = %{ $row->{tokens} };
    my $total = delete $tokens{total};
    delete $tokens{reasoning};
    $must->($total == sum0(values %tokens), 'tokens');

    if ($last) {
        $must->(($row->{$_} // '') eq ($last->{$_} // ''), "the last one's $_")
            for qw(provider region model);
        $must->($last->{input_tokens} + $last->{output_tokens} == $total,
                'the last one\'s tokens');
    }

    for my $attempt (@attempts) {
        $must->(ms($attempt->{started}) >= $received
                && ms($attempt->{started}) + $attempt->{latency_ms} <= $end,
                'an attempt within the request');
        $must->(!defined $attempt->{first_token_ms}
                || $attempt->{first_token_ms} <= $attempt->{latency_ms},
                'its first token before its end');
    }

    ok(!@wrong, "$name: adds up")
        or diag(join('; ', @wrong), "\n", json_encode($row));
    return;
}

# what the provider knows the last call as

sub aws_id { return (map { $_->{request_id} } $t->received)[$_[0] // -1] }

# Anthropic's Messages, with everything that a client may tell of itself

my $body = message(sim(input => 1000, output => 200, cache_read => 400,
                       cache_write_5m => 20, cache_write_1h => 10),
                   metadata => { user_id => 'user-17' });
my ($row, $r) = call('ann', $messages, $body, headers => {
    'User-Agent' => 'Anthropic/Python 0.125.0', 'X-Session-Id' => 'run 42',
    'x-llm-tags' => 'nightly, team:red ,nightly' });

is($r->{status}, 200, 'Anthropic\'s messages');
is($r->{headers}{'request-id'}, $row->{id}, 'the id is the answer\'s');
row_is('every field of it', $row,
    virtual_key => 'ann', team => 'ml', customer => 'acme',
    provider => 'east', region => 'us-east-1',
    model_asked => 'claude-3-haiku-20240307', model => $haiku,
    dialect => 'anthropic', api => 'anthropic_messages', streamed => 0,
    status => 200, outcome => 'ok', error => undef, refusal => undef,
    error_message => undef,
    'tokens.input' => 1000, 'tokens.output' => 200, 'tokens.cache_read' => 400,
    'tokens.cache_write_5m' => 20, 'tokens.cache_write_1h' => 10,
    'tokens.reasoning' => 0, 'tokens.total' => 1630,
    images => 0, queries => 0, tier => 'default', cost => 521_250,
    'cost_parts.input' => 250_000, 'cost_parts.output' => 250_000,
    'cost_parts.cache_read' => 10_000, 'cost_parts.cache_write' => 11_250,
    'cost_parts.other' => 0, 'cost_parts.earlier_attempts' => 0,
    price => 'exact', cache => 'hit', client => '127.0.0.1',
    request_bytes => length json_encode($body),
    response_bytes => length $r->{body},
    user_agent => 'Anthropic/Python 0.125.0', session => 'run 42',
    end_user => 'user-17', tags => [ 'nightly', 'team:red' ], aborted => 0,
    recovered => 0, content => 0, 'attempts.0.provider' => 'east',
    'attempts.0.region' => 'us-east-1', 'attempts.0.model' => $haiku,
    'attempts.0.request_id' => aws_id(), 'attempts.0.status' => 200,
    'attempts.0.result' => 'ok', 'attempts.0.input_tokens' => 1430,
    'attempts.0.output_tokens' => 200, 'attempts.0.cost' => 521_250);
is(scalar @{ $row->{attempts} }, 1, 'one attempt');

# streamed, as Claude Code does: when the first token came, who sat there

my $uuid = '0198c1f0-4c3e-7000-8000-00000000';
my $code = { device_id => 'd' x 64, account_uuid => "${uuid}aaaa",
             session_id => "${uuid}5555" };

($row, $r) = call('ann', $messages, message(
    sim(input => 100, output => 50, chunks => 4, first_delay_ms => 60,
        delay_ms => 30), stream => \1,
    metadata => { user_id => json_encode($code) }),
    headers => { 'User-Agent' => 'claude-cli/2.0.1 (external, cli)' });
is((sse_events($r->{body}))[-1]{event}, 'message_stop', 'a stream');
row_is('streamed', $row, streamed => 1, status => 200, cost => 87_500,
    session => "${uuid}5555", end_user => "${uuid}aaaa", tags => [],
    cache => 'none', 'tokens.total' => 150,
    user_agent => 'claude-cli/2.0.1 (external, cli)');
cmp_ok($row->{first_token_ms}, '>=', 59, 'the provider thought for 60 ms');
cmp_ok($row->{latency_ms} - $row->{first_token_ms}, '>=', 85,
       'and went on for another 90');
cmp_ok($row->{attempts}[0]{first_token_ms}, '>=', 59, 'so says the attempt');
cmp_ok($row->{overhead_us}, '<', 1000 * $row->{latency_ms},
       'which is not our work');

for my $case (
    [ 'its session\'s header', { user_id => json_encode($code) },
      { 'X-Claude-Code-Session-Id' => 'from-a-header' },
      "${uuid}aaaa", 'from-a-header' ],
    [ 'another header beside it', { user_id => json_encode($code) },
      { 'X-Claude-Code-Session-Id' => 'its own', 'X-Session-Id' => 'any' },
      "${uuid}aaaa", 'its own' ],
    [ 'an empty header', { user_id => json_encode($code) },
      { 'X-Session-Id' => '' }, "${uuid}aaaa", "${uuid}5555" ],
    [ 'older ones', { user_id => "user_abc_account__session_${uuid}7777" }, {},
      'user_abc_account_', "${uuid}7777" ],
    [ 'no account', { user_id => json_encode({ device_id => 'dev',
                                               session_id => 's1' }) }, {},
      'dev', 's1' ],
    [ 'a user of another shape', { user_id => "zo\xeb \x{1F600}" }, {},
      "zo\xeb \x{1F600}", undef ],
    [ 'nobody', undef, { 'User-Agent' => undef }, undef, undef ],
) {
    my ($name, $metadata, $headers, $user, $session) = @$case;

    ($row) = call('ann', $messages,
                  message('hi', $metadata ? (metadata => $metadata) : ()),
                  headers => $headers);
    row_is("Claude Code, $name", $row, end_user => $user, session => $session,
           user_agent => undef);
}

# Bedrock's own operations, streamed and not; Claude Code's metadata in there

for my $case ([ 'invoke', 'invoke', 0 ], [ 'invoke-with-response-stream',
                'invoke_stream', 1 ], [ 'converse', 'converse', 0 ],
              [ 'converse-stream', 'converse_stream', 1 ])
{
    my ($operation, $api, $streamed) = @$case;

    my $claude = $operation =~ /invoke/;
    my %sim = (input => 200, output => 40, cache_write_5m => 16);
    my $sent = $claude
        ? claude(sim(%sim), metadata => { user_id => 'aws-user' })
        : converse(sim(%sim));
    ($row, $r) = call('ann', invoke_path($haiku, $operation), $sent,
                      headers => { 'User-Agent' => 'Boto3/1.43 md/Botocore' });
    is($r->{status}, 200, $operation) or diag($r->{body});
    is($r->{headers}{'x-amzn-requestid'}, $row->{attempts}[0]{request_id},
       "$operation: AWS's id goes to the client, too");
    row_is("$operation: its row", $row, dialect => 'bedrock',
        api => "bedrock_$api", streamed => $streamed, model_asked => $haiku,
        model => $haiku, 'tokens.input' => 200, 'tokens.output' => 40,
        'tokens.cache_write_5m' => 16, cache => 'write', cost => 105_000,
        'cost_parts.cache_write' => 5_000, price => 'exact',
        end_user => $claude ? 'aws-user' : undef,
        request_bytes => length json_encode($sent),
        response_bytes => length $r->{body},
        user_agent => 'Boto3/1.43 md/Botocore',
        'attempts.0.request_id' => aws_id());
}

($row) = call('ann', invoke_path($nova, 'converse'),
              { %{ converse(sim(input => 1000, output => 100)) },
                serviceTier => { type => 'flex' } });
row_is('a service tier', $row, tier => 'flex', model => $nova, cost => 42_000,
       'attempts.0.cost' => 42_000);

($row) = call('ann', invoke_path($rerank), {
    query => 'q', documents => [ ('d') x 150 ], api_version => 2 });
row_is('reranking', $row, queries => 2, cost => 4_000_000,
       'cost_parts.other' => 4_000_000, 'tokens.total' => 0);

($row) = call('ann', invoke_path($canvas), {
    taskType => 'TEXT_IMAGE', textToImageParams => { text => 'a cat' },
    imageGenerationConfig => { numberOfImages => 3 } });
row_is('pictures', $row, images => 3, cost => 240_000_000,
       'cost_parts.other' => 240_000_000);

($row) = call('ann', invoke_path($unpriced, 'converse'),
              converse(sim(input => 30, output => 7)));
row_is('a model without a price', $row, price => 'unpriced', cost => 0,
    outcome => 'unpriced', 'tokens.input' => 30, 'tokens.output' => 7,
    model => $unpriced);

($row) = call('ann', $stream, claude(sim(input => 30, output => 7,
                                         no_usage => \1)));
row_is('an answer without usage', $row, price => 'estimated',
    outcome => 'estimated', status => 200, error => undef,
    'attempts.0.result' => 'ok');
cmp_ok($row->{cost}, '>', 0, 'is not free');

# llm_govern: another module's upstream under the same account

my $chat = { model => $haiku, max_tokens => 50, user => 'openai-user',
             messages => [ { role => 'user', content =>
                 sim(input => 500, output => 60, cache_read => 100) } ] };

for my $streamed (0, 1) {
    my %more = $streamed
        ? (stream => \1, stream_options => { include_usage => \1 }) : ();
    ($row, $r) = call('ann', '/vllm/v1/chat/completions', { %$chat, %more });
    is($r->{headers}{'request-id'}, $row->{attempts}[0]{request_id},
       'llm_govern: the server\'s id') or diag(json_encode($r->{headers}));
    row_is('llm_govern: its row' . ($streamed ? ', streamed' : ''), $row,
        dialect => 'openai', api => 'openai_chat', streamed => $streamed,
        provider => 'gpu-box', region => undef, model => $haiku,
        virtual_key => 'ann', status => 200, outcome => 'ok',
        'tokens.input' => 500, 'tokens.cache_read' => 100, cost => 202_500,
        end_user => 'openai-user', 'attempts.0.result' => 'ok',
        'attempts.0.status' => 200, response_bytes => length $r->{body});
}

($row) = call('ann', '/thinker/v1/chat/completions', $chat);
row_is('thinking', $row, 'tokens.reasoning' => 30, 'tokens.output' => 40,
       'tokens.total' => 140, cost => 75_000);

for my $case ([ 429, 'throttled' ], [ 400, 'client_error' ],
              [ 500, 'server_error' ])
{
    my ($status, $error) = @$case;

    ($row, $r) = call('ann', '/vllm/v1/chat/completions', {
        %$chat, messages => [ { role => 'user',
                                content => sim(status => $status) } ] });
    is($r->{status}, $status, "llm_govern: $status");
    row_is("llm_govern: $error", $row, status => $status, error => $error,
        outcome => $status == 400 ? 'client_error' : 'provider_error',
        cost => 0, first_token_ms => undef, 'attempts.0.status' => $status,
        'attempts.0.result' => $error);
}

# failover: each attempt with what it was and what it cost

$t->script({ status => 429, match => { region => 'us-east-1' } });
($row, $r) = call('ann', $invoke, claude(sim(input => 100, output => 50)));
is($r->{status}, 200, 'a provider throttles, the next one answers');
my @ids = map { aws_id($_) } -2, -1;
row_is('both are told of', $row, status => 200, error => undef,
    provider => 'west', region => 'us-west-2', cost => 87_500,
    'cost_parts.earlier_attempts' => 0, 'attempts.0.provider' => 'east',
    'attempts.0.region' => 'us-east-1', 'attempts.0.status' => 429,
    'attempts.0.result' => 'throttled', 'attempts.0.cost' => 0,
    'attempts.0.input_tokens' => 0, 'attempts.0.first_token_ms' => undef,
    'attempts.0.request_id' => $ids[0], 'attempts.1.provider' => 'west',
    'attempts.1.region' => 'us-west-2', 'attempts.1.status' => 200,
    'attempts.1.result' => 'ok', 'attempts.1.cost' => 87_500,
    'attempts.1.input_tokens' => 100, 'attempts.1.output_tokens' => 50,
    'attempts.1.request_id' => $ids[1]);
is(scalar @{ $row->{attempts} }, 2, 'two attempts');

$t->script({ hang => \1, match => { region => 'eu-west-1' } });
($row) = call('slow', $invoke, claude(sim(input => 100, output => 50)));
row_is('a provider that may bill a call nobody waited for', $row,
    status => 200, provider => 'west', outcome => 'ok', price => 'estimated',
    'attempts.0.provider' => 'slow', 'attempts.0.status' => undef,
    'attempts.0.result' => 'timeout', 'attempts.0.request_id' => undef,
    'attempts.1.cost' => 87_500);
cmp_ok($row->{attempts}[0]{cost}, '>', 0, 'is charged for it');
is($row->{cost_parts}{earlier_attempts}, $row->{attempts}[0]{cost},
   'which the row says');
cmp_ok($row->{attempts}[0]{latency_ms}, '>=', 295, 'after 300 ms');
ok(ms($row->{attempts}[1]{started}) >= ms($row->{attempts}[0]{started}) + 295,
   'the next attempt began then');

my $slow = $t->get('/llm/spend?virtual_key=slow&period=48h')->{json}{total};
is($slow->{cost}, $row->{cost}, 'what was spent');
is($slow->{cost_estimated}, $row->{attempts}[0]{cost},
   'of it only the first attempt is an estimate');

# errors of the provider, in both dialects

for my $case (
    [ 429, 'ThrottlingException', 'throttled', 'provider_error', 429, 429 ],
    [ 400, 'ValidationException', 'client_error', 'client_error', 400, 400 ],
    [ 503, 'ServiceUnavailableException', 'server_error', 'provider_error',
      503, 529 ],
) {
    my ($status, $type, $error, $outcome, @told) = @$case;

    for my $path ($invoke, $messages) {
        my $say = sim(status => $status, message => "AWS says $status");
        my $sent = $path eq $invoke ? claude($say) : message($say);

        ($row, $r) = call('one', $path, $sent);
        is($r->{status}, $told[$path eq $messages], "$path: $status");
        row_is("$type at $path", $row, status => $r->{status},
            error => $error, outcome => $outcome, refusal => undef,
            error_message => "AWS says $status", cost => 0,
            price => 'exact', 'tokens.total' => 0, first_token => undef,
            first_token_ms => undef, virtual_key => 'one', team => undef,
            customer => undef, 'attempts.0.status' => $status,
            'attempts.0.result' => $error,
            'attempts.0.first_token_ms' => undef,
            'attempts.0.request_id' => aws_id());
    }
}

($row) = call('lost', $invoke, claude('hi'));
row_is('nobody is there', $row, status => 503, error => 'connect',
    outcome => 'provider_error', provider => 'lost', cost => 0,
    'attempts.0.status' => undef, 'attempts.0.result' => 'connect',
    'attempts.0.request_id' => undef);

($row, $r) = call('ann', '/nobody/v1/chat/completions', $chat);
is($r->{json}{error}{type}, 'server_error',
   'llm_govern: nobody is there, in OpenAI\'s words') or diag($r->{body});
row_is('its row', $row, status => $r->{status},
    error => 'connect', outcome => 'provider_error', cost => 0,
    'attempts.0.status' => undef, 'attempts.0.result' => 'connect');

($row, $r) = call('ann', '/hurried/v1/chat/completions', {
    %$chat, messages => [ { role => 'user', content => sim(hang => \1) } ] });
like($r->{json}{error}{message}, qr/in time/, 'llm_govern: a timeout');
row_is('that may be billed', $row, status => $r->{status}, error => 'timeout',
    outcome => 'estimated', price => 'estimated',
    'attempts.0.status' => undef, 'attempts.0.result' => 'timeout');
cmp_ok($row->{cost}, '>', 0, 'is charged');

$t->script({ exception_after => 3, exception => 'throttlingException',
             message => 'enough' });
($row) = call('one', $stream, claude(sim(input => 100, output => 50)));
row_is('an exception in the middle of a stream', $row, status => 200,
    error => 'exception', error_message => 'enough',
    'attempts.0.status' => 200, 'attempts.0.result' => 'exception');

$t->script({ reset_after => 3 });
($row) = call('one', $stream, claude(sim(input => 100, output => 50)));
row_is('a stream that breaks off', $row, status => 200, error => 'broken',
    outcome => 'estimated', price => 'estimated', aborted => 0,
    'attempts.0.result' => 'broken');
cmp_ok($row->{cost}, '>', 0, 'is charged for what came');

# refusals: a row, but no attempt and no cost

$t->post($invoke, claude(sim(input => 100, output => 50)), key => $key{few});

for my $case (
    [ 'budget', 'poor', $messages, message('hi'), 402, qr/Budget of virtual key/,
      team => 'ml', customer => 'acme', dialect => 'anthropic',
      model_asked => 'claude-3-haiku-20240307' ],
    [ 'requests', 'few', $invoke, claude('hi'), 429, qr/request/,
      team => 'ml', dialect => 'bedrock', model_asked => $haiku,
      api => 'bedrock_invoke' ],
    [ 'model_not_allowed', 'picky', $stream, claude('hi'), 403, qr/model/,
      streamed => 1, api => 'bedrock_invoke_stream' ],
    [ 'bad_request', 'ann', $messages, '{"model":', 400, qr/at byte 9/ ],
    [ 'unknown_key', 'nobody', $invoke, claude('hi'), 403, qr/key/,
      virtual_key => undef, team => undef, customer => undef ],
    [ 'no_key', undef, $messages, message('hi'), 401, qr/key/,
      virtual_key => undef ],
    [ 'not_found', 'ann', '/bedrock/model/x/explode', 'x', 404, qr/./,
      virtual_key => undef, dialect => 'bedrock', api => undef ],
) {
    my ($reason, $who, $path, $sent, $status, $says, %more) = @$case;

    local $key{nobody} = 'sk-test-rows-whose-is-this-01234';
    ($row, $r) = call($who // 'none', $path, $sent,
                      headers => { 'User-Agent' => 'curl/8.5.0',
                                   'x-llm-tags' => 'refused' });
    is($r->{status}, $status, "refused: $reason");
    row_is("its row: $reason", $row, status => $status, error => 'refused',
        refusal => $reason, outcome => 'client_error', cost => 0,
        price => 'exact', 'tokens.total' => 0, attempts => [],
        provider => undef, region => undef, model => undef,
        first_token => undef, first_token_ms => undef,
        virtual_key => $who, user_agent => 'curl/8.5.0',
        client => '127.0.0.1', tags => [ 'refused' ],
        response_bytes => length $r->{body}, %more);
    like($row->{error_message}, $says, "it says why: $reason");
}

# clients that leave: read to the end, cancelled, before anything came

sub leave {
    my ($path, $who, %o) = @_;

    my $before = $t->get('/llm/logs?limit=1')->{json}{logs}[0]{seq};
    my $say = sim(input => 100, output => 80, chunks => 10, delay_ms => 40,
                  %{ $o{sim} // {} });
    $t->post($path, $path =~ /vllm/ ? { %$chat, stream => \1, messages => [
                 { role => 'user', content => $say } ] } : claude($say),
             key => $key{$who}, limit => $o{limit}, reset => 1,
             timeout => $o{timeout} // 10);
    $row = wait_for(sub {
        my ($newest) = @{ $t->get('/llm/logs?limit=1')->{json}{logs} };
        return $newest->{seq} > $before && $newest;
    }) || {};
    return $row;
}

row_is('a client that left, its answer read to the end',
    leave($stream, 'ann', limit => 300), status => 200, aborted => 1,
    error => 'client_gone', error_message => undef, outcome => 'ok',
    price => 'exact', cost => 125_000, 'tokens.output' => 80,
    'attempts.0.result' => 'ok');

row_is('a client that left, its answer cancelled',
    leave($stream =~ s/bedrock/cancel/r, 'ann', limit => 300), status => 200,
    aborted => 1, error => 'client_gone', outcome => 'estimated',
    price => 'estimated');
cmp_ok($row->{cost}, '>', 0, 'is charged all the same');

row_is('a client that left before an answer', leave($stream, 'ann', limit => 0,
    timeout => 0.2, sim => { first_delay_ms => 400 }), status => 200,
    aborted => 1, error => 'client_gone', price => 'exact', cost => 125_000);

row_is('a client that left before an answer, cancelled',
    leave($stream =~ s/bedrock/cancel/r, 'ann', limit => 0, timeout => 0.2,
          sim => { first_delay_ms => 400 }), status => undef, aborted => 1,
    error => 'client_gone', price => 'estimated', first_token => undef,
    'attempts.0.status' => undef);
cmp_ok($row->{cost}, '>', 0, 'is charged all the same');

row_is('llm_govern: a client that left',
    leave('/vllm/v1/chat/completions', 'ann', limit => 300), status => 200,
    aborted => 1, error => 'client_gone', outcome => 'estimated',
    price => 'estimated', 'attempts.0.result' => 'ok');
cmp_ok($row->{cost}, '>', 0, 'is charged all the same');

# content: of the key that says so, up to its size, and of nobody else anywhere

my %marker = map { ($_ => join '', map { chr(97 + int rand 26) } 1 .. 24) }
    qw(said quiet refused);

my $long = "$marker{said} " . "\x{1F600}" x 1000;
($row, $r) = call('said', $invoke, claude($long . sim(text => "\xe9" x 3000)));
row_is('content is logged', $row, virtual_key => 'said', status => 200,
       'content.request' => $row->{content}{request});
like($row->{content}{request}, qr/\Q$marker{said}\E/, 'what was asked');
unlike($row->{content}{request}, qr/test-rows|[Bb]earer/, 'without headers');

for my $which (qw(request response)) {
    my $text = $row->{content}{$which};
    utf8::encode($text);
    cmp_ok(length $text, '<=', 2048 + 3, "$which: no more than its size");
    cmp_ok(length $text, '>=', 2044, "$which: and no less");
}

my ($listed) = grep { $_->{id} eq $row->{id} }
    @{ $t->get('/llm/logs')->{json}{logs} };
is_deeply($listed->{content}, JSON::PP::true(), 'the list only says so');

($row, $r) = call('said', $messages, message('hi', stream => \1));
is($row->{content}{response}, substr($r->{body}, 0, 2048),
   'a stream as the client saw it');

($row, $r) = call('said', '/vllm/v1/chat/completions', {
    %$chat, messages => [ { role => 'user', content => sim(gzip => \1) } ] },
    headers => { 'Accept-Encoding' => 'gzip' });
is($r->{headers}{'content-encoding'}, 'gzip', 'llm_govern: compressed');
like($row->{content}{response}, qr/"choices"/, 'and readable in the log');

($row) = call('quiet', $invoke, claude("$marker{quiet} "
    . sim(text => $marker{quiet} x 3)));
row_is('and not of another key', $row, virtual_key => 'quiet', content => 0);
$t->script({ status => 400, message => 'no' });
call('quiet', $messages, message($marker{quiet}));
call('poor', $invoke, claude($marker{refused}));
call('quiet', '/vllm/v1/chat/completions', { %$chat,
    messages => [ { role => 'user', content => $marker{quiet} . sim() } ] });

# everything adds up over all rows

my %total = (attempt => {}, key => {});
my ($next, @all);

do {
    $r = $t->get('/llm/logs?limit=50' . ($next ? "&cursor=$next" : ''))
        ->{json};
    push @all, @{ $r->{logs} };
    $next = $r->{next};
} while ($next);

for my $one (@all) {
    $total{key}{ $one->{virtual_key} // '' } += LLM::Test::nano($one->{cost});
    $total{attempt}{ $_->{provider} } += LLM::Test::nano($_->{cost})
        for @{ $one->{attempts} };
}

cmp_ok(scalar @all, '>', 50, scalar(@all) . ' rows');
is($t->spent(virtual_key => $_), $total{key}{$_} // 0,
   "what $_ spent is what the rows say")
    for grep { $_ ne 'nobody' } sort keys %key;
is($t->spent(provider => $_), $total{attempt}{$_} // 0,
   "what $_ cost is what the attempts say")
    for qw(east west lost slow gpu-box thinker);

my %by_id = map { ($_->{id} => $_) } @all;

for my $one (@rows) {
    delete @$one{qw(asked_at answered_at)};
    $one->{content} = $by_id{ $one->{id} }{content};
}

is_deeply([ map { $by_id{ $_->{id} } } @rows ], \@rows,
          'a row is the same in the list');

# each field had a value in one of them

sub fields {
    my ($value, $name) = @_;

    return ref $value eq 'HASH'
        ? map { fields($value->{$_}, defined $name ? "$name.$_" : $_) }
              keys %$value
        : ref $value eq 'ARRAY' && @$value && ref $value->[0]
        ? fields($value->[0], $name) : $name;
}

my @times = qw(seq id time received first_token first_token_ms latency_ms
               overhead_us attempts.started attempts.latency_ms
               attempts.first_token_ms);
my %unlooked = map { ($_ => 1) } fields($rows[0]);
delete @unlooked{keys %looked, @times};
is(join(' ', sort keys %unlooked), '', 'no field was left out here');

# what was said is in no file that nginx wrote but the log's own

ok($t->quit, 'nginx ends');
my @files = split /\n/, `find $t->{prefix} -type f -size +0`;
my $has = sub { my ($text) = @_;
    return grep { m{/(?:store|journal|logs|temp)/} && !m{/sim\.}
                  && index(LLM::Test::slurp($_), $text) >= 0 } @files };

ok(scalar($has->($marker{said})), 'content is in the store');
is(join(' ', $has->($marker{$_})), '', "of the other key: nothing ($_)")
    for qw(quiet refused);
is(join(' ', $has->($key{$_})), '', "and no secret of $_")
    for qw(said quiet);

$t->finish;
done_testing;
