#!/usr/bin/perl

# scripts/reconcile: the ledger beside AWS's invocation logs and bill.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use IO::Compress::Gzip qw(gzip);
use LLM::Test;
use POSIX ();
use Test::More;

my $t = LLM::Test->new;
my $tool = "$LLM::Test::root/scripts/reconcile";

my $haiku = $LLM::Test::haiku;
my $sonnet = 'anthropic.claude-sonnet-4-5-20250929-v1:0';
my $profile = 'arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.'
    . $sonnet;

sub reconcile {
    my (@arguments) = @_;

    my $out = "$t->{prefix}/out";
    my $command = join ' ', map { "'$_'" } $tool, @arguments;
    my $status = system("$command > $out 2> $out.err") >> 8;

    return ($status, LLM::Test::slurp($out), LLM::Test::slurp("$out.err"));
}

sub report {
    my ($status, $out, $err) = reconcile(@_, '--format', 'json');
    return { status => $status, err => $err, %{ json_decode($out) // {} } };
}

sub packed {
    my ($name, $content) = @_;

    my $path = $t->file($name);
    gzip(\$content, $path) or die "$path: gzip";
    return $path;
}

# Ten calls as both sides tell them, by hand.

my @calls = map { {
    id => sprintf('aaaaaaaa-0000-4000-8000-%012d', $_),
    time => sprintf('2026-11-%02dT10:00:%02dZ', 20 + $_ % 2, $_),
    model => $_ < 7 ? $haiku : $profile, region => $_ < 7 ? 'us-east-1'
                                                          : 'us-west-2',
    input => 100 * $_, output => 10 * $_, read => $_ > 3 ? 1000 : 0,
    write => $_ > 5 ? 50 : 0, cost => sprintf '%.9f', $_ / 8_000_000,
} } 1 .. 10;

sub row {
    my ($c, %o) = @_;

    return {
        seq => 1, id => sprintf('%032s', $c->{id} // ''),
        time => $c->{time}, received => $c->{time}, price => 'exact',
        virtual_key => 'k', model => $c->{model}, region => $c->{region},
        cost => $c->{cost} + 0,
        tokens => { input => $c->{input}, output => $c->{output},
                    cache_read => $c->{read}, cache_write_5m => $c->{write},
                    cache_write_1h => 0, reasoning => 0 },
        attempts => [ {
            provider => 'p', region => $c->{region}, model => $c->{model},
            request_id => $c->{id}, started => $c->{time}, result => 'ok',
            status => 200, cost => $c->{cost} + 0,
            input_tokens => $c->{input} + $c->{read} + $c->{write},
            output_tokens => $c->{output} } ], %o };
}

sub invocation {
    my ($c, %o) = @_;

    return {
        schemaType => 'ModelInvocationLog', schemaVersion => '1.0',
        timestamp => $c->{time}, accountId => '123456789012',
        identity => { arn => 'arn:aws:sts::123456789012:assumed-role/gw/i-1' },
        region => $c->{region}, requestId => $c->{id}, operation => 'Converse',
        modelId => $c->{model}, requestMetadata => { team => 'ml' },
        input => { inputContentType => 'application/json',
                   inputBodyJson => { messages => [] },
                   inputTokenCount => $c->{input},
                   $c->{read} ? (cacheReadInputTokenCount => $c->{read}) : (),
                   $c->{write} ? (cacheWriteInputTokenCount => $c->{write})
                               : () },
        output => { outputContentType => 'application/json',
                    outputBodyJson => {},
                    outputTokenCount => $c->{output} }, %o };
}

sub lines { return join '', map { json_encode($_) . "\n" } @_ }

my $ledger = $t->file('ledger.ndjson', lines(map { row($_) } @calls));
my @logged = map { invocation($_) } @calls;

# every shape in which AWS hands its log out

my %shape = (
    's3' => packed('s3/AWSLogs/a.json.gz', lines(@logged)),
    'plain lines' => $t->file('plain.json', lines(@logged)),
    'filter-log-events' => $t->file('filter.json', json_encode({
        events => [ map { { timestamp => 1, message => json_encode($_) } }
                    @logged ] })),
    'export task' => packed('export.gz', join '', map {
        "$_->{timestamp} " . json_encode($_) . "\n" } @logged),
    'subscription' => $t->file('subscription.json', join '', map {
        json_encode({ messageType => 'DATA_MESSAGE', logEvents => [
            { id => 1, timestamp => 1, message => json_encode($_) } ] })
        } @logged),
    'insights' => $t->file('insights.json', json_encode({ results => [
        map { [ { field => '@ptr', value => 'x' },
                { field => '@message', value => json_encode($_) } ] }
        @logged ] })),
    'a folder' => "$t->{prefix}/s3",
);

# what else lies in such a folder: large bodies, whatever they are, and what AWS
# tries its permissions with; an object of Firehose has no suffix

packed('s3/AWSLogs/data/body.json.gz', json_encode({ messages => [] }));
packed("s3/AWSLogs/data/$calls[0]{id}_input.json.gz", '{"messages":[');
packed("s3/AWSLogs/data/$calls[0]{id}_output.json.gz", "\x89PNG\r\n\xff\xfe");
$t->file('s3/AWSLogs/amazon-bedrock-logs-permission-check', '');
$t->file('s3/aws-logs-write-test', "Permission Check Successful\n");
$t->file('s3/picture.png', "\x89PNG\r\n\xff\xfe");
packed('firehose/stream-1-2026-11-21-10-00-00-0a1b', join '', map {
    json_encode({ messageType => 'DATA_MESSAGE', logEvents => [
        { id => 1, timestamp => 1, message => json_encode($_) } ] }) }
    @logged);
$shape{firehose} = "$t->{prefix}/firehose";

for my $name (sort keys %shape) {
    my $r = report('--ledger', $ledger, '--invocations', $shape{$name});

    is($r->{status}, 0, "$name: equal") or diag(explain($r));
    is_deeply([ map { "$_->{day} $_->{model} $_->{region}" }
                @{ $r->{groups} } ],
              [ "2026-11-20 $haiku us-east-1", "2026-11-20 $sonnet us-west-2",
                "2026-11-21 $haiku us-east-1",
                "2026-11-21 $sonnet us-west-2" ],
              "$name: by day, model, region");
    is_deeply($r->{groups}[1]{ledger}, {
        calls => 2, cost => '0.00000225', tokens => {
            input => 1800, output => 180, cache_read => 2000,
            cache_write => 100 } }, "$name: the ledger's sums");
    is_deeply($r->{groups}[1]{log}, {
        calls => 2, cost => undef, tokens => {
            input => 1800, output => 180, cache_read => 2000,
            cache_write => 100 } }, "$name: AWS's sums");
}

# the ledger in its other shapes

my @attempts = map { { log => $_->{id}, seq => 1, attempt => 1,
                       %{ $_->{attempts}[0] } } } map { row($_) } @calls;
my @columns = qw(log attempt region model request_id started result
                 input_tokens output_tokens cost);

for my $other (
    [ 'a page of JSON', $t->file('page.json', json_encode({
        logs => [ map { row($_) } @calls ], next => undef })) ],
    [ 'gzip', packed('ledger.gz', lines(map { row($_) } @calls)) ],
    [ 'attempts', $t->file('attempts.ndjson', lines(@attempts)) ],
    [ 'attempts as CSV', $t->file('attempts.csv', join '', map { "$_\r\n" }
        join(',', @columns), map { my $a = $_; join ',', @{$a}{@columns} }
        @attempts) ])
{
    my ($name, $path) = @$other;
    my $r = report('--ledger', $path, '--invocations', $shape{s3});
    is($r->{status}, 0, "ledger, $name: equal") or diag(explain($r));
}

# failures and retries cost nothing; a call that was made twice is two

my $failed = { %{ $calls[0] }, id => 'failed-1', input => 0, output => 0,
               read => 0, write => 0, cost => 0 };
my $two = row($calls[9]);
unshift @{ $two->{attempts} }, {
    region => 'us-east-1', model => $haiku, request_id => 'failed-1',
    started => $calls[9]{time}, result => 'throttled', status => 429,
    input_tokens => 0, output_tokens => 0, cost => 0 },
    { %{ row($calls[8])->{attempts}[0] }, result => 'broken' };
my $r = report('--ledger', $t->file('retries.ndjson', lines(
                   (map { row($_) } @calls[0 .. 7]), $two)),
               '--invocations', $t->file('retries.json', lines(
                   @logged, invocation($failed,
                                       errorCode => 'ThrottlingException'))));
is($r->{status}, 0, 'failover: attempts are compared, not requests')
    or diag(explain($r));
is($r->{notes}{'calls that failed and cost nothing'}, 1, 'failed ones noted');

# counting tokens is free, and AWS logs no word of it

my $counting = row({ %{ $calls[0] }, id => 'a-count', input => 0, output => 0,
                     read => 0, write => 0, cost => 0 },
                   api => 'anthropic_count_tokens');
my $counted = { log => 'c', seq => 1, attempt => 1,
                %{ $counting->{attempts}[0] } };

for my $with ($counting, $counted) {
    $r = report('--ledger', $ledger, '--ledger',
                $t->file('counting.ndjson', lines($with)),
                '--invocations', $shape{s3});
    is($r->{status}, 0, 'tokens that were only counted') or diag(explain($r));
}

is(report('--ledger', $ledger, '--ledger', $t->file('free.ndjson', lines(
              row({ %{ $calls[0] }, id => 'an-image', input => 0, output => 0,
                    read => 0, write => 0, cost => 0 },
                  api => 'bedrock_invoke'))),
          '--invocations', $shape{s3})->{status}, 1,
   'a call without tokens that AWS does not have is another thing');

# a stream's record whose counts are in its chunks only; another region served
# it than the one that was called

my $streamed = invocation($calls[7], operation => 'InvokeModelWithResponseStream',
                          inferenceRegion => 'us-east-2');
$streamed->{input} = { inputContentType => 'application/json' };
$streamed->{output} = { outputContentType => 'application/json',
    outputBodyJson => [
        { type => 'message_start', message => { usage => {
            input_tokens => $calls[7]{input}, output_tokens => 1,
            cache_read_input_tokens => $calls[7]{read},
            cache_creation_input_tokens => $calls[7]{write} } } },
        { type => 'content_block_delta', delta => { text => 'x' } },
        { type => 'message_delta', usage => {
            output_tokens => $calls[7]{output} } },
        { type => 'message_stop' } ] };
$r = report('--ledger', $t->file('streamed.ndjson', lines(row($calls[7]))),
            '--invocations', $t->file('streamed.json', lines($streamed)));
is($r->{status}, 0, 'a stream whose chunks tell what was used')
    or diag(explain($r));

# an image has no tokens, but is a call

my %image = (%{ $calls[0] }, id => 'an-image', input => 0, output => 0,
             read => 0, write => 0);
$r = report('--ledger', $ledger, '--invocations',
            $t->file('image.json', lines(@logged, invocation(\%image))));
is_deeply([ map { [ $_->{what}, $_->{request_id} ] } @{ $r->{calls} } ],
          [ [ 'only_in_aws_log', 'an-image' ] ], 'an image past the gateway');

# planted differences

my @ours = map { row($_) } @calls[1 .. 9];
my $extra = { %{ $calls[0] }, id => 'only-ours' };
push @ours, row($extra, price => 'estimated');
push @ours, row({ %{ $calls[0] }, id => undef, time => '2026-11-20T11:00:00Z' },
                id => 'c' x 32, recovered => JSON::PP::true,
                price => 'estimated');
my @theirs = @logged;
$theirs[4] = invocation({ %{ $calls[4] }, output => 51 });
my $ours = $t->file('ours.ndjson', lines(@ours));
my $theirs = $t->file('theirs.json', lines(@theirs));
$r = report('--ledger', $ours, '--invocations', $theirs);

is($r->{status}, 1, 'differences: the exit status');
ok(!$r->{equal}, 'not equal');
is_deeply([ map { [ $_->{what}, $_->{request_id} ] } @{ $r->{calls} } ],
          [ [ 'only_in_the_ledger', undef ],
            [ 'only_in_aws_log', $calls[0]{id} ],
            [ 'only_in_the_ledger', 'only-ours' ],
            [ 'tokens_differ', $calls[4]{id} ] ], 'each call that differs')
    or diag(explain($r->{calls}));
is($r->{calls}[2]{ledger}{note}, 'estimated', 'and what may explain it');
is($r->{calls}[3]{ledger}{tokens}{output}, 50, 'ours');
is($r->{calls}[3]{log}{tokens}{output}, 51, 'and theirs');
my ($group) = grep { $_->{day} eq '2026-11-21' && $_->{model} eq $haiku }
    @{ $r->{groups} };
is($group->{ledger_minus_log}{tokens}{output}, -1, 'the sum differs by that');

my ($status, $text) = reconcile('--ledger', $ours, '--invocations', $theirs);
is($status, 1, 'as text: the exit status');
like($text, qr/^2026-11-21  \Q$haiku\E  us-east-1  DIFFERENT$/m, 'a heading');
like($text, qr/^  ledger - log +0 +0 +-1 /m, 'the difference');
like($text, qr/^tokens differ: \S+ \Q$calls[4]{id}\E /m, 'the call');
like($text, qr/^only in AWS's log: \S+ \Q$calls[0]{id}\E /m, 'the missing one');
like($text, qr/^there are differences$/m, 'the last word');

($status, $text) = reconcile('--ledger', $ours, '--invocations', $theirs,
                             '--format', 'csv');
is($status, 1, 'as CSV: the exit status');
my ($head, @lines) = split /\r\n/, $text;
like($head, qr/^what,day,model,region,request_id,row,ledger_calls,/, 'a head');
is(scalar(grep { /^tokens differ,/ } @lines), 1, 'the call');
is(scalar(grep { /^(?:equal|different),/ } @lines), 4, 'the groups');

# a part of the time, of the callers

$r = report('--ledger', $ours, '--invocations', $theirs, '--from',
            '2026-11-21T10:00:06Z', '--to', '2026-11-22');
is($r->{status}, 0, 'a time without differences');
is_deeply([ map { $_->{log}{calls} } @{ $r->{groups} } ], [ 2 ],
          'and only that');

my $stranger = invocation({ %{ $calls[0] }, id => 'a-stranger' },
    identity => { arn => 'arn:aws:iam::123456789012:user/someone' });
my $with = $t->file('stranger.json', lines(@logged, $stranger));
is(report('--ledger', $ledger, '--invocations', $with)->{status}, 1,
   'a call past the gateway');
is(report('--ledger', $ledger, '--invocations', $with, '--identity',
          '*assumed-role/gw/*')->{status}, 0, 'is none of ours');
is(report('--ledger', $ledger, '--invocations', $shape{s3}, '--invocations',
          $shape{'export task'})->{status}, 0, 'the same log twice');

# the bill: legacy and 2.0

my %price = (input => '0.00000025', output => '0.00000125',
             read => '0.000000025', write => '0.0000003125');
my %called = ($haiku => 'Claude3Haiku', $profile => 'Claude4.5Sonnet');
my %usage = (input => 'input-tokens', output => 'output-tokens',
             read => 'cache-read-input-token-count',
             write => 'cache-write-input-token-count');

sub bill {
    my ($shape, @calls) = @_;

    my (%amount, @rows);

    for my $c (@calls) {
        for my $kind (qw(input output read write)) {
            $amount{substr($c->{time}, 0, 13)}{$c->{model}}{$c->{region}}
                   {$kind} += $c->{$kind};
        }
    }

    for my $hour (sort keys %amount) {
        for my $model (sort keys %{ $amount{$hour} }) {
            for my $region (sort keys %{ $amount{$hour}{$model} }) {
                my $kinds = $amount{$hour}{$model}{$region};
                for my $kind (sort keys %$kinds) {
                    my $n = $kinds->{$kind} or next;
                    my $prefix = $region eq 'us-east-1' ? 'USE1' : 'USW2';
                    push @rows, [ "$hour:00:00Z", $region,
                        "$prefix-$called{$model}-$usage{$kind}",
                        sprintf('%.10f', $n * $price{$kind}),
                        sprintf('%.10f', $n / 1000) ];
                }
            }
        }
    }

    push @rows, [ '2026-11-20T00:00:00Z', '', 'Tax', '0.5', '1' ];

    if ($shape eq 'legacy') {
        return join '', "identity/LineItemId,lineItem/UsageStartDate,"
            . "lineItem/LineItemType,lineItem/ProductCode,lineItem/UsageType,"
            . "product/region,lineItem/UnblendedCost,lineItem/UsageAmount,"
            . "pricing/unit,lineItem/UsageAccountId\n",
            (map { my ($time, $region, $type, $cost, $amount) = @$_;
                   join(',', 'x', $time, $type eq 'Tax' ? 'Tax' : 'Usage',
                        'AmazonBedrock', $type, $region, $cost, $amount,
                        '1K tokens', '123456789012') . "\n" } @rows),
            "x,2026-11-20T00:00:00Z,Usage,AmazonEC2,USE1-BoxUsage,us-east-1,"
            . "9.9,1,Hrs,123456789012\n";
    }

    return join '', "line_item_usage_start_date,line_item_line_item_type,"
        . "line_item_product_code,line_item_usage_type,product_region_code,"
        . "line_item_unblended_cost,line_item_usage_amount,pricing_unit,"
        . "product\n",
        map { my ($time, $region, $type, $cost, $amount) = @$_;
              $time =~ s/T(.*)Z/ $1.000/;
              join(',', $time, $type eq 'Tax' ? 'Tax' : 'Usage',
                   'AmazonBedrock', $type, $region, $cost, $amount,
                   '1K tokens', '"{""product_name"":""Amazon Bedrock""}"')
                  . "\n" } @rows;
}

for my $c (@calls) {
    $c->{cost} = sprintf '%.9f', $c->{input} * $price{input}
        + $c->{output} * $price{output} + $c->{read} * $price{read}
        + $c->{write} * $price{write};
}

$ledger = $t->file('priced.ndjson', lines(map { row($_) } @calls));

for my $shape ('legacy', '2.0') {
    my $path = packed("cur-$shape.csv.gz", bill($shape, @calls));
    my $r = report('--ledger', $ledger, '--bill', $path);

    is($r->{status}, 0, "bill, $shape: equal") or diag(explain($r));
    is(scalar @{ $r->{groups} }, 4, "bill, $shape: groups");
    is($r->{groups}[0]{bill}{cost}, $r->{groups}[0]{ledger}{cost},
       "bill, $shape: cost");
    is($r->{notes}{'lines of the bill that are no usage (Tax)'}, 1,
       "bill, $shape: taxes are left out");

    $r = report('--ledger', $ledger, '--bill', $path, '--invocations',
                $shape{s3});
    is($r->{status}, 0, "bill and log, $shape: equal") or diag(explain($r));

    $r = report('--ledger', $ours, '--bill', $path);
    is($r->{status}, 1, "bill, $shape: other costs") or diag(explain($r));

    $path = $t->file("dear-$shape.csv", bill($shape, @calls,
        { %{ $calls[0] }, input => 1, output => 0, read => 0, write => 0 }));
    is(report('--ledger', $ledger, '--bill', $path)->{status}, 1,
       "bill, $shape: one token more");
}

# Marketplace's lines, whose model is in the product's name: those of older
# models, and of newer ones, which do not say what their unit is; each kind may
# come in several parts

sub market {
    my ($file, @lines) = @_;

    return $t->file($file, join '', map { "$_\n" }
        'lineItem/UsageStartDate,lineItem/LineItemType,lineItem/ProductCode,'
        . 'lineItem/UsageType,product/ProductName,lineItem/UnblendedCost,'
        . 'lineItem/UsageAmount,pricing/unit,lineItem/LineItemDescription',
        map { my ($type, $about, $tokens, $price) = @$_;
              join ',', '2026-11-20T10:00:00Z', 'Usage', 'a1b2c3d4',
                  "USW2-MP:USW2_$type-Units",
                  'Claude Sonnet 4.5 (Amazon Bedrock Edition)',
                  sprintf('%.10f', $tokens * $price), $tokens / 1e6, 'Units',
                  "\"AWS Marketplace software usage|us-west-2|$about\"" }
        @lines);
}

my $sonnets = $t->file('sonnet.ndjson', lines(map { row($_) } @calls[7, 9]));
my $market = market('market.csv',
    [ 'InputTokenCount', 'Million Input Tokens Regional', 1800, $price{input} ],
    [ 'OutputTokenCount', 'Million Response Tokens', 180, $price{output} ],
    [ 'CacheReadInputTokenCount', 'Million tokens', 2000, $price{read} ],
    [ 'CacheWriteInputTokenCount', 'Million tokens', 100, $price{write} ]);
my @newer = (
    [ 'input_tokens_standard', 'Million Input Tokens Standard', 800,
      $price{input} ],
    [ 'input_tokens_global_standard', 'Input Tokens - Standard, Global', 900,
      $price{input} ],
    [ 'InputTokenCount_LCtx_Global', 'Token usage', 100, $price{input} ],
    [ 'output_tokens_priority', 'Output Tokens', 180, $price{output} ],
    [ 'CacheReadInputTokenCount_Global', 'Million', 1500, $price{read} ],
    [ 'cache_read_tokens_standard', 'Cache Read Tokens', 500, $price{read} ],
    [ 'CacheWrite1hInputTokenCount', 'Million', 40, $price{write} ],
    [ 'cache_write_tokens_1h_global_standard', 'Cache Write Tokens', 60,
      $price{write} ]);

for my $bill ($market, market('newer.csv', @newer)) {
    $r = report('--ledger', $sonnets, '--bill', $bill);
    is($r->{status}, 0, 'a model that Marketplace bills') or diag(explain($r));
    is_deeply($r->{groups}[0]{bill}{tokens}, { input => 1800, output => 180,
              cache_read => 2000, cache_write => 100 }, 'each kind of tokens');
}

$r = report('--ledger', $sonnets, '--bill', market('batch.csv', @newer,
    [ 'InputTokenCount_Global_Batch', 'Million', 5000, $price{input} ],
    [ 'output_tokens_batch', 'Output Tokens', 50, $price{output} ]));
is_deeply([ map { "$_->{model} " . ($_->{equal} ? 1 : 0) } @{ $r->{groups} } ],
          [ "$sonnet 1", "$sonnet (batch) 0" ],
          'batch inference, which does not pass here, stands by itself')
    or diag(explain($r));

# usage types of Bedrock itself

my @names = (
    [ 'openai.gpt-oss-120b-1:0', 'USE1-gpt-oss-120b-input-tokens-flex' ],
    [ 'openai.gpt-oss-120b-1:0',
      'USE1-openai.gpt-oss-120b-1:0-mantle-input-tokens-standard' ],
    [ 'amazon.nova-2-lite-v1:0',
      'USE1-Nova2.0Lite-text-input-tokens-priority-cross-region-global' ],
    [ 'deepseek.r1-v1:0', 'USE1-DeepSeek-R1-input-tokens' ],
    [ 'anthropic.claude-3-5-haiku-20241022-v1:0',
      'USE1-Claude3.5Haiku-latency-optimized-input-tokens' ],
    [ 'meta.llama3-3-70b-instruct-v1:0', 'USE1-Llama3-3-70B-input-tokens' ],
    [ 'qwen.qwen3-32b-v1:0', 'USE1-Qwen3-32B-input-tokens-priority' ]);

for my $case (@names) {
    my ($model, $type) = @$case;

    $r = report('--ledger', $t->file('named.ndjson', lines(row({
                    %{ $calls[0] }, model => $model, input => 1000,
                    output => 0, cost => 0.001 }))),
                '--bill', $t->file('named.csv',
                    "line_item_usage_start_date,line_item_line_item_type,"
                    . "line_item_product_code,line_item_usage_type,"
                    . "product_region_code,line_item_unblended_cost,"
                    . "line_item_usage_amount,pricing_unit\n"
                    . "2026-11-21 00:00:00.000,Usage,AmazonBedrock,$type,"
                    . "us-east-1,0.001,1,1K tokens\n"
                    . "2026-11-21 00:00:00.000,Usage,AmazonBedrockAgentCore,"
                    . "USE1-Runtime:Consumption-based:vCPU,us-east-1,3,1,"
                    . "vCPU-Hours\n"));
    is($r->{status}, 0, "$type is $model") or diag(explain($r));
}

is($r->{notes}{'lines of the bill of what calls no model'
               . ' (AmazonBedrockAgentCore)'}, 1, 'agents are no model');

# a legacy report may be a ZIP

SKIP: {
    my $csv = $t->file('zip/cur.csv', bill('legacy', @calls));
    my $zip = "$t->{prefix}/cur.zip";
    skip('no IO::Compress::Zip', 1) if !eval {
        require IO::Compress::Zip; 1 };
    IO::Compress::Zip::zip($csv => $zip, Name => 'cur.csv') or die;
    is(report('--ledger', $ledger, '--bill', $zip)->{status}, 0, 'a ZIP');
}

# trouble

for my $case (
    [ 'nothing to compare', [ '--ledger', $ledger ], qr/what does AWS say/ ],
    [ 'no ledger', [ '--bill', $ledger ], qr/where is the ledger/ ],
    [ 'no such file', [ '--ledger', '/nowhere', '--bill', $market ],
      qr{/nowhere: No such file} ],
    [ 'Parquet', [ '--ledger', $ledger, '--bill',
                   $t->file('x.parquet', "PAR1\0\0PAR1") ],
      qr/x\.parquet: this is Parquet.*CSV.*duckdb/s ],
    [ 'ZIP of nothing', [ '--ledger', $ledger, '--bill', $t->file('x.zip',
        "PK\x05\x06" . "\0" x 18) ], qr/x\.zip: / ],
    [ 'broken ZIP', [ '--ledger', $ledger, '--bill',
                      $t->file('y.zip', "PK\x03\x04garbage") ],
      qr/y\.zip: damaged ZIP/ ],
    [ 'a bill that breaks later', [ '--ledger', $ledger, '--bill',
        $t->file('z.csv.gz', do {
            gzip(\join('', bill('legacy', @calls) x 50), \my $packed);
            substr $packed, 0, 300 }) ], qr/z\.csv\.gz: damaged gzip/ ],
    [ 'a log in a folder that is broken', [ '--ledger', $ledger,
        '--invocations', do { $t->file('broken/000000.gz', "\x1f\x8b\x08no");
                              "$t->{prefix}/broken" } ],
      qr/000000\.gz: damaged gzip/ ],
    [ 'identities that a bill does not have', [ '--ledger', $ledger, '--bill',
        $t->file('legacy.csv', bill('legacy', @calls)), '--identity', '*x*' ],
      qr/no line of Amazon Bedrock.*line_item_iam_principal/s ],
    [ 'not a bill', [ '--ledger', $ledger, '--bill',
                      $t->file('x.csv', "a,b\n1,2\n") ],
      qr/x\.csv: no Cost and Usage Report/ ],
    [ 'not a log', [ '--ledger', $ledger, '--invocations',
                     $t->file('x.json', '{"a":1}') ],
      qr/x\.json: no model invocation records/ ],
    [ 'broken JSON', [ '--ledger', $ledger, '--invocations',
                       $t->file('y.json', "{}\n{\"a\":\n") ],
      qr/y\.json:\d+: no JSON/ ],
    [ 'deep JSON', [ '--ledger', $ledger, '--invocations',
                     $t->file('deep.json', '[' x 100_000) ],
      qr/deep\.json/ ],
    [ 'broken gzip', [ '--ledger', $ledger, '--invocations',
                       $t->file('z.gz', "\x1f\x8b\x08garbage") ],
      qr/z\.gz: damaged gzip/ ],
    [ 'gzip that breaks later', [ '--ledger', $ledger, '--invocations',
        $t->file('b.gz', "\x1f\x8b\x08\0\0\0\0\0\0\x03\xff\xff\xff\xff") ],
      qr/b\.gz: damaged gzip/ ],
    [ 'members that are no objects', [ '--ledger', $ledger, '--invocations',
        $t->file('m.json', '{"schemaType":"ModelInvocationLog","input":"x",'
                           . '"output":[1],"identity":7,"timestamp":[],'
                           . '"requestId":"r"}') ], qr/cannot be read/ ],
    [ 'requests as CSV', [ '--ledger', $t->file('r.csv', "id,cost\n1,2\n"),
                           '--bill', $market ], qr/rows=attempts/ ],
    [ 'a number that is none', [ '--ledger', $t->file('n.ndjson',
        '{"log":"a","request_id":"r","started":"2026-11-20","model":"m",'
        . '"cost":NaN}'), '--bill', $market ], qr/cannot be read/ ],
    [ 'a number that takes for ever', [ '--ledger', $ledger, '--invocations',
        $t->file('e.json', json_encode($logged[0]) =~ s/100\b/1e999999999/r) ],
      qr/cannot be read/ ],
    [ 'a row that is none', [ '--ledger', $t->file('r.ndjson', "[1]\n"),
                              '--bill', $market ], qr/cannot be read/ ],
    [ 'a row of something else', [ '--ledger', $t->file('o.ndjson',
        "{\"a\":1}\n"), '--bill', $market ],
      qr{o\.ndjson: a row that cannot be read: it is none of /llm/logs$}m ],
    [ 'a record without its time', [ '--ledger', $ledger, '--invocations',
        $t->file('t.json', '{"schemaType":"ModelInvocationLog",'
                           . '"requestId":"r"}') ],
      qr/cannot be read: it has no 'timestamp'$/m ],
    [ 'a password', [ '--url', 'http://u:pw@127.0.0.1:1/llm/logs',
                      '--bill', $market ], qr/--header "Authorization: Basic/ ],
    [ 'nobody there', [ '--url', 'http://127.0.0.1:1/llm/logs',
                        '--bill', $market ],
      qr{http://127\.0\.0\.1:1/llm/logs: .*Connection refused$}m ],
    [ 'fewer than none', [ '--ledger', $ledger, '--bill', $market,
                           '--limit', '-3' ], qr/--limit: write a number/ ],
    [ 'no time', [ '--ledger', $ledger, '--bill', $market, '--from', 'soon' ],
      qr/"soon" is no time/ ],
    [ 'no range', [ '--ledger', $ledger, '--bill', $market, '--from',
                    '2026-11-02', '--to', '2026-11-01' ],
      qr/--from is not before --to/ ])
{
    my ($name, $arguments, $says) = @$case;
    my ($status, undef, $err) = reconcile(@$arguments);

    is($status, 2, "$name: trouble");
    like($err, $says, "$name: says what");
    unlike($err, qr/Traceback|Error\(|pw@/, "$name: in words");
}

# the gateway's own rows, and what the simulated Bedrock served, in AWS's shape

my $secret = 'sk-test-reconcile-0123456789';
my $g = LLM::Test->gateway(workers => 2, provider =>
    provider('first', 'region us-east-1; max_failures 0;')
    . provider('second', 'region us-west-2; max_failures 0;'),
    http => "
    llm_store %%PREFIX%%/store sync=100ms;
    llm_route both { provider first; provider second backup; }
    llm_virtual_key k { secret $secret; route both; }
");

$g->start_sim->start;

sub ask {
    my ($path, $body, %o) = @_;

    return $g->post($path, $body, key => $secret, %o)->{status};
}

my $invoke = invoke_path($haiku);
my %cached = (cache_read => 300, cache_write_5m => 40);

for my $n (1 .. 5) {
    is(ask($invoke, claude(sim(input => $n, output => 2))), 200, 'invoke');
    is(ask("$invoke-with-response-stream",
           claude(sim(input => 10 * $n, output => 20, %cached))), 200,
       'a stream with a cache');
}

is(ask(invoke_path($haiku, 'converse'),
       converse(sim(input => 7, output => 8, cache_read => 9))), 200,
   'converse');
is(ask('/anthropic/v1/messages', {
    model => 'claude-3-haiku-20240307', max_tokens => 10, stream => \1,
    messages => [ { role => 'user', content => sim(input => 3, output => 4,
                                                   %cached) } ] }),
   200, 'a message');

is(ask('/anthropic/v1/messages/count_tokens', {
    model => 'claude-3-haiku-20240307',
    messages => [ { role => 'user', content => 'how many?' } ] }), 200,
   'tokens are counted');

$g->script({ error => 'ThrottlingException' });
is(ask($invoke, claude(sim(input => 100, output => 200))), 200,
   'the first one is throttled, the second one answers');
is(ask($invoke, { anthropic_version => 'bedrock-2023-05-31',
                  messages => 'none' }), 400, 'a mistake of the caller');

# what AWS would have logged of it

sub served {
    return map { my $u = $_->{usage} // {}; {
        schemaType => 'ModelInvocationLog', schemaVersion => '1.0',
        timestamp => POSIX::strftime('%Y-%m-%dT%H:%M:%SZ',
                                     gmtime $_->{time}),
        accountId => '123456789012', region => $_->{region},
        requestId => $_->{request_id}, operation => $_->{operation},
        modelId => $_->{model},
        $_->{error} ? (errorCode => $_->{error}) : (),
        input => { inputContentType => 'application/json',
                   inputTokenCount => $u->{input} // 0,
                   cacheReadInputTokenCount => $u->{cache_read} // 0,
                   cacheWriteInputTokenCount => ($u->{cache_write_5m} // 0)
                       + ($u->{cache_write_1h} // 0) },
        output => { outputContentType => 'application/json',
                    outputTokenCount => $u->{output} // 0 } }
    } grep { ($_->{operation} // 'count-tokens') ne 'count-tokens' }
        $g->received;
}

my @served = served();
is(scalar @served, 15, 'calls that reached the simulated Bedrock');
my $log = packed('served.json.gz', lines(@served));

my %sources = (store => [ '--store', "$g->{prefix}/store" ],
               url => [ '--url',
                        'http://127.0.0.1:' . $g->port . '/llm/logs' ]);

for my $source (sort keys %sources) {
    my $r;

    wait_for(sub {
        $r = report(@{ $sources{$source} }, '--invocations', $log);
        $r->{status} == 0;
    }, 10);
    is($r->{status}, 0, "by --$source: nothing is missing, every token is right")
        or diag(explain($r));
    is_deeply([ map { [ $_->{region}, $_->{ledger}{calls} ] }
                @{ $r->{groups} } ],
              [ [ 'us-east-1', 12 ], [ 'us-west-2', 1 ] ],
              "by --$source: where they went");
    my ($cost) = (0);
    $cost += $_->{ledger}{cost} for @{ $r->{groups} };
    is(LLM::Test::nano($cost), $g->totals->{cost_nano},
       "by --$source: the cost of what was served");

    $r = report(@{ $sources{$source} }, '--invocations',
                $t->file('less.json', lines(@served[1 .. $#served])));
    is_deeply([ map { [ $_->{what}, $_->{request_id} ] } @{ $r->{calls} } ],
              [ [ 'only_in_the_ledger', $served[0]{requestId} ] ],
              "by --$source: a call that AWS does not have");
}

$g->finish;
$t->finish;
done_testing();
