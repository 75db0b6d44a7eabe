#!/usr/bin/perl

# InvokeModel through the gateway: bytes as they were, signed anew, metered for
# every model family.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use LLM::Test;
use Test::More;

my $key = 'sk-test-invoke-0123456789';

my $t = LLM::Test->gateway(http => "
    llm_unpriced_model allow;
    llm_virtual_key tester { secret $key; }
");

my $data = $ENV{LLM_TEST_DATA} // "$LLM::Test::root/../shared/data";
$t->start_sim(-d "$data/samples" ? ('--samples', "$data/samples") : ());
$t->start;

# sends, then checks that the ledger moved by what the provider counted

sub metered {
    my ($name, $model, $operation, $body) = @_;

    my $spent = $t->spent(virtual_key => 'tester');
    my $cost = $t->totals->{cost_nano};
    my $r = $t->post(invoke_path($model, $operation), $body, key => $key);

    is($r->{status}, 200, "$name: 200") or diag($r->{body});
    ok($r->{complete}, "$name: whole");

    $cost = $t->totals->{cost_nano} - $cost;
    ok(wait_for(sub { $t->spent(virtual_key => 'tester') - $spent == $cost }),
       "$name: charged $cost n\$")
        or diag('charged ', $t->spent(virtual_key => 'tester') - $spent);

    return $r;
}

my %usage = (input => 1203, output => 77);
my $sim = sim(%usage);
my %bodies = (
    $LLM::Test::haiku => claude(sim(%usage, cache_read => 1000,
                                    cache_write_5m => 200,
                                    cache_write_1h => 30, tool => \1,
                                    thinking => \1)),
    'us.anthropic.claude-sonnet-4-20250514-v1:0' => claude($sim),
    'anthropic.claude-v2:1' => { prompt => $sim, max_tokens_to_sample => 9 },
    'amazon.nova-lite-v1:0' => { messages => [
        { role => 'user', content => [ { text => sim(
            %usage, cache_read => 500, cache_write_5m => 70) } ] } ] },
    'amazon.titan-text-express-v1' => { inputText => $sim },
    'meta.llama3-1-70b-instruct-v1:0' => { prompt => $sim },
    'mistral.mistral-7b-instruct-v0:2' => { prompt => $sim },
    'mistral.mistral-large-2407-v1:0' => {
        messages => [ { role => 'user', content => $sim } ] },
    'cohere.command-r-v1:0' => { message => $sim },
    'deepseek.v3-v1:0' => {
        messages => [ { role => 'user', content => $sim } ] },
    'qwen.qwen3-32b-v1:0' => {
        messages => [ { role => 'user', content => $sim } ] },
    'openai.gpt-oss-120b-1:0' => {
        messages => [ { role => 'user', content => $sim } ] },
);

for my $model (sort keys %bodies) {
    my $r = metered("$model, invoke", $model, 'invoke', $bodies{$model});
    is($r->{headers}{'x-amzn-bedrock-output-token-count'}, 77,
       "$model: token headers are passed on");

    $r = metered("$model, stream", $model, 'invoke-with-response-stream',
                 $bodies{$model});
    is($r->{headers}{'content-type'}, 'application/vnd.amazon.eventstream',
       "$model, stream: content type");
    is($r->{headers}{'x-amzn-bedrock-content-type'}, 'application/json',
       "$model, stream: inner content type");
    my @chunks = chunks($r->{body});
    is($chunks[-1]{'amazon-bedrock-invocationMetrics'}{inputTokenCount}, 1203,
       "$model, stream: metrics are passed on");
}

metered($_->[0], $_->[0], 'invoke', $_->[1])
    for [ 'ai21.j2-mid-v1', { prompt => $sim } ],
        [ 'amazon.titan-embed-text-v2:0', { inputText => 'text ' x 50 } ],
        [ 'cohere.embed-multilingual-v3', { texts => [ 'a', 'b' ],
                                            input_type => 'search_query' } ],
        [ 'cohere.rerank-v3-5:0', { query => 'q',
                                    documents => [ ('d') x 150 ] } ],
        [ 'amazon.nova-canvas-v1:0', {
            taskType => 'TEXT_IMAGE', imageGenerationConfig =>
                { numberOfImages => 3 } } ];

# the bytes, both ways

my $odd = '{ "max_tokens" : 5,  "anthropic_version":"bedrock-2023-05-31",'
    . "\n\t\"messages\":[{\"role\":\"user\",\"content\":"
    . '"h\u00e9 \ud83d\ude00 sim:{\"sample\":\"NAME\"}"}],'
    . '"x_unknown" :[1.50,1e3,-0],"max_tokens":5 }' . "\n";

my @names = grep { /^own-(?!error)/ || /^(?:invoke|converse)-/ }
    @{ $t->sim_control('state')->{recordings} };

for my $name (@names) {
    my $stream = $name =~ /stream/;
    my $base = $name =~ /^own-/
        ? "$LLM::Test::root/scripts/simulated_bedrock/recordings"
        : "$data/samples";
    my $wanted = LLM::Test::slurp(
        "$base/$name/response." . ($stream ? 'bin' : 'json'));
    (my $body = $odd) =~ s/NAME/$name/;

    my $operation = $name =~ /converse/ ? 'converse' : 'invoke';
    $operation .= $operation eq 'invoke' ? '-with-response-stream' : '-stream'
        if $stream;
    $body = json_encode(converse(qq(sim:{"sample":"$name"})))
        if $name =~ /converse/;

    my $r = $t->post(invoke_path($LLM::Test::haiku, $operation), $body,
                     key => $key, headers => {
                         'Content-Type' => 'application/json' });
    my ($seen) = reverse $t->received;

    is($seen->{body}, $body, "$name: request body untouched")
        if length $body < 60000;
    ok($r->{body} eq $wanted, "$name: response body untouched")
        or diag(substr $r->{body}, 0, 300);
}

# the path as the provider gets it

my $arn = 'arn:aws:bedrock:us-east-1:123456789012:inference-profile/'
    . 'us.anthropic.claude-3-haiku-20240307-v1:0';
(my $encoded = $arn) =~ s/([:\/])/sprintf '%%%02X', ord $1/ge;

for my $path ("/bedrock/model/$LLM::Test::haiku/invoke",
              invoke_path($LLM::Test::haiku),
              "/bedrock/model/$arn/invoke", "/bedrock/model/$encoded/invoke",
              "/bedrock/model/\L$encoded\E/invoke")
{
    my $r = $t->post($path, claude('hi'), key => $key);
    my ($seen) = reverse $t->received;

    is($r->{status}, 200, "$path: 200") or diag($r->{body});
    ok($seen->{signature_ok}, "$path: signature");
    is($seen->{path}, $path =~ /arn/ ? "/model/$encoded/invoke"
        : '/model/anthropic.claude-3-haiku-20240307-v1%3A0/invoke',
       "$path: encoded once for the provider");
}

# headers

my $r = $t->post(invoke_path($LLM::Test::haiku), claude('hi'), key => $key,
                 headers => {
    'X-Amzn-Bedrock-Trace' => 'ENABLED',
    'X-Amzn-Bedrock-GuardrailIdentifier' => 'gr-1',
    'X-Amzn-Bedrock-Service-Tier' => 'flex', 'Accept' => '*/*',
    'Accept-Encoding' => 'gzip, br', 'X-Forwarded-For' => '10.0.0.1',
    'Cookie' => 'a=b', 'X-Amz-Security-Token' => 'mine',
    'TE' => 'trailers', 'Host' => 'bedrock-runtime.evil.test',
    'X-Amz-Date' => '20200101T000000Z' });
my ($seen) = reverse $t->received;
my %h = map { (lc $_->[0] => $_->[1]) } @{ $seen->{headers} };

is($r->{status}, 200, 'with many headers');
is($h{'x-amzn-bedrock-trace'}, 'ENABLED', 'trace is carried');
is($h{'x-amzn-bedrock-guardrailidentifier'}, 'gr-1', 'guardrail is carried');
is($h{'x-amzn-bedrock-service-tier'}, 'flex', 'service tier is carried');
is($h{host}, "127.0.0.1:$t->{sim_port}", 'Host is the provider\'s');
ok(!defined $h{$_}, "$_ is not carried")
    for qw(cookie x-forwarded-for x-amz-security-token te);
unlike($h{'accept-encoding'} // '', qr/gzip|br/, 'no compression is asked for');
is($r->{headers}{'x-amzn-bedrock-service-tier'}, 'flex', 'tier comes back');
like($r->{headers}{'x-amzn-requestid'}, qr/^[0-9a-f-]{36}$/,
     'the provider\'s request id comes back');

# pieces, compression, chunks

for my $operation ('invoke', 'invoke-with-response-stream') {
    metered("$operation, $_->[0]", $LLM::Test::haiku, $operation,
            claude(sim(%usage, @{ $_->[1] })))
        for [ 'byte by byte', [ split => 1, chunked => \1 ] ],
            [ 'in sevens', [ split => 7 ] ],
            [ 'gzip', [ gzip => \1 ] ],
            [ 'gzip byte by byte', [ gzip => \1, split => 1 ] ],
            [ 'closed after it', [ close => \1 ] ],
            [ 'slow', [ delay_ms => 20, chunks => 20 ] ];
}

# metrics that say less than the body

metered('undercounting metrics', $LLM::Test::haiku,
        'invoke-with-response-stream',
        claude(sim(input => 100, output => 134, metrics_output => 90)));

# count-tokens is free

my $spent = $t->spent(virtual_key => 'tester');
$r = $t->post(invoke_path($LLM::Test::haiku, 'count-tokens'),
              { input => { converse => converse(sim(input => 42)) } },
              key => $key);
is($r->{status}, 200, 'count-tokens') or diag($r->{body});
is($r->{json}{inputTokens}, 42, 'count-tokens: counts');
is($t->spent(virtual_key => 'tester'), $spent, 'count-tokens: free');

# a large body, while another request goes through

my $large = json_encode(claude([
    { type => 'text', text => sim(%usage) },
    { type => 'image', source => { type => 'base64', media_type => 'image/png',
                                   data => 'iVBORw0K' x 2_500_000 } } ]));
$r = metered('20 MB body', $LLM::Test::haiku, 'invoke', $large);
($seen) = reverse $t->received;
is($seen->{size}, length $large, '20 MB body: all of it');

is($t->held(virtual_key => 'tester'), 0, 'nothing is held any more');
is($t->totals->{errors}{InvalidSignatureException}, undef,
   'every signature was right');

$t->finish;
done_testing;
