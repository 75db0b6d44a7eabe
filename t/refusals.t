#!/usr/bin/perl

# Every refusal in every dialect: status, type, whose and how much and until
# when, whether to come back; streamed or not.  The table of the design,
# section 9.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use LLM::Test;
use POSIX ();
use Test::More;
use Time::HiRes qw(sleep);
use Time::Local qw(timegm);

my @keys = qw(good choosy mistral budget team requests tokens input output
              concurrency nobody);
my %key = map { ($_ => "sk-test-$_-0123456789") } @keys;
my $budget = '0.000001';
my $limit = 0 + $budget;

my $t = LLM::Test->gateway(provider =>
    provider('main', 'region us-east-1;')
    . provider('mistral', 'region us-west-2; models mistral.*;')
    . provider('nobody', 'endpoint http://nowhere.invalid;'),
    http => "
    llm_route main    { provider main; }
    llm_route mistral { provider mistral; }
    llm_route nobody  { provider nobody; }
    llm_customer acme { route main; }
    llm_team poor     { customer acme; llm_budget $budget 1M hard; }
    llm_virtual_key good     { secret $key{good}; route main; }
    llm_virtual_key choosy   { secret $key{choosy}; route main;
                               models *sonnet*; }
    llm_virtual_key mistral  { secret $key{mistral}; route mistral; }
    llm_virtual_key budget   { secret $key{budget}; route main;
                               llm_budget $budget 1w hard; }
    llm_virtual_key team     { secret $key{team}; team poor;
                               llm_budget 10 1d; }
    llm_virtual_key requests { secret $key{requests}; route main;
                               llm_rate_limit requests=1/1d; }
    llm_virtual_key tokens   { secret $key{tokens}; route main;
                               llm_rate_limit tokens=1/1d hard; }
    llm_virtual_key input    { secret $key{input}; route main;
                               llm_rate_limit input_tokens=1/1d hard; }
    llm_virtual_key output   { secret $key{output}; route main;
                               llm_rate_limit output_tokens=1/1d hard; }
    llm_virtual_key concurrency { secret $key{concurrency}; route main;
                               llm_rate_limit concurrency=1; }
    llm_virtual_key nobody   { secret $key{nobody}; route nobody; }
", server => '
    location /cancel/ { llm_client_abort cancel; llm_pass bedrock; }
    location /native/ { llm_govern anthropic name=native;
                        proxy_pass http://%%SIM%%/anthropic/; }
    location /vllm/ { llm_govern openai name=gpu-box;
                      proxy_pass http://%%SIM%%/; }
' . join '', map { "
    location /bedrock$_/ { llm_budget_status $_; llm_pass bedrock; }
    location /anthropic$_/ { llm_budget_status $_; llm_pass anthropic; }
    location /vllm$_/ { llm_budget_status $_; llm_govern openai name=gpu-box;
                        proxy_pass http://%%SIM%%/; }
" } 400, 402, 403, 429);

$t->start_sim->start;

my $invoke = invoke_path($LLM::Test::haiku);
my $text = sim(input => 10, output => 5);
my $native = { model => $LLM::Test::haiku, max_tokens => 5,
               messages => [ { role => 'user', content => $text } ] };
my $message = { %$native, model => 'claude-3-haiku-20240307' };

# surface => dialect, path, body

my %surface = (
    'invoke' => [ 'bedrock', $invoke, claude($text, max_tokens => 5) ],
    'invoke stream' => [ 'bedrock', "$invoke-with-response-stream",
                         claude($text, max_tokens => 5) ],
    'converse' => [ 'bedrock', invoke_path($LLM::Test::haiku, 'converse'),
                    converse($text, inferenceConfig => { maxTokens => 5 }) ],
    'converse stream' => [ 'bedrock',
        invoke_path($LLM::Test::haiku, 'converse-stream'),
        converse($text, inferenceConfig => { maxTokens => 5 }) ],
    'messages' => [ 'anthropic', '/anthropic/v1/messages', $message ],
    'messages stream' => [ 'anthropic', '/anthropic/v1/messages',
                           { %$message, stream => \1 } ],
    'governed messages' => [ 'anthropic', '/native/v1/messages', $native ],
    'governed chat' => [ 'openai', '/vllm/v1/chat/completions', $native ],
    'governed chat stream' => [ 'openai', '/vllm/v1/chat/completions',
                                { %$native, stream => \1 } ],
);

sub call {
    my ($surface, $key, %o) = @_;

    my (undef, $path, $body) = @{ $surface{$surface} };
    return $t->post($o{path} // $path, $o{body} // $body,
                    defined $key ? (key => $key) : (), %o);
}

# The type of an error, wherever its dialect has it.

sub type_of {
    my ($dialect, $r) = @_;

    return ($r->{headers}{'x-amzn-errortype'} // '') =~ s/:.*//r
        if $dialect eq 'bedrock';
    my $error = ref $r->{json} ? $r->{json}{error} : {};
    return $dialect eq 'openai' ? $error->{code} // '' : $error->{type} // '';
}

my %id_header = (bedrock => 'x-amzn-requestid', anthropic => 'request-id',
                 openai => 'x-request-id');

sub is_refused {
    my ($name, $dialect, $r, $status, $type, %o) = @_;

    my $text = $dialect eq 'bedrock' ? $r->{json}{message}
                                     : $r->{json}{error}{message};
    my $retry = $r->{headers}{'retry-after'};

    is($r->{status}, $status, "$name: $status") or diag($r->{body});
    is(type_of($dialect, $r), $type, "$name: $type");
    cmp_ok(length($text // ''), '>', 15, "$name: in words");
    like($r->{headers}{'content-type'}, qr{^application/json}, "$name: JSON");
    is($r->{json}{type}, 'error', "$name: shape") if $dialect eq 'anthropic';
    ok($r->{json}{request_id}, "$name: request id");
    is($r->{headers}{$id_header{$dialect}}, $r->{json}{request_id},
       "$name: in the header, too");
    unlike("$r->{head}$r->{body}", qr/sk-test|AKIA/, "$name: no secret");

    # SDKs sleep for whatever they are told: not for longer than a minute

    my $again = $o{again} && $retry <= 60;
    is($r->{headers}{'x-should-retry'}, $again ? undef : 'false',
       "$name: " . ($again ? 'to be tried again' : 'not to be retried'));
    cmp_ok($retry // 0, '>=', 1, "$name: Retry-After") if $o{again};

    return;
}

sub has_details {
    my ($name, $dialect, $r, %wanted) = @_;

    my $details = ($dialect eq 'bedrock' ? $r->{json}{details}
                                         : $r->{json}{error}{details}) // {};
    my $window = delete $wanted{window};

    is($details->{$_}, $wanted{$_}, "$name: $_") for sort keys %wanted;
    ok(exists $details->{$_}, "$name: $_") for qw(spent held);

    if (!$window) {
        is($details->{reset_at}, undef, "$name: no window, no reset");
        return;
    }

    is($details->{window}, $window, "$name: window");
    my @at = ($details->{reset_at} // '')
        =~ /^(\d+)-(\d+)-(\d+)T(\d+):(\d+):(\d+)Z$/;
    ok(scalar @at, "$name: until $details->{reset_at}") or return;
    my $left = timegm(@at[5, 4, 3, 2], $at[1] - 1, $at[0]) - time;
    cmp_ok(abs($left - $r->{headers}{'retry-after'}), '<=', 3,
           "$name: Retry-After is true");
    return;
}

my %never = (
    none => { bedrock => [ 403, 'MissingAuthenticationTokenException' ],
              anthropic => [ 401, 'authentication_error' ],
              openai => [ 401, 'invalid_api_key' ] },
    unknown => { bedrock => [ 403, 'UnrecognizedClientException' ],
                 anthropic => [ 401, 'authentication_error' ],
                 openai => [ 401, 'invalid_api_key' ] },
    choosy => { bedrock => [ 403, 'AccessDeniedException' ],
                anthropic => [ 403, 'permission_error' ],
                openai => [ 403, 'model_not_allowed' ] },
    budget => { bedrock => [ 400, 'ServiceQuotaExceededException' ],
                anthropic => [ 402, 'billing_error' ],
                openai => [ 402, 'budget_exceeded' ] },
    limit => { bedrock => [ 429, 'ThrottlingException' ],
               anthropic => [ 429, 'rate_limit_error' ],
               openai => [ 429, 'rate_limit_exceeded' ] },
    nobody => { bedrock => [ 503, 'ServiceUnavailableException' ],
                anthropic => [ 529, 'overloaded_error' ] },
);

# the request limit is used up, and a call that takes its time has the one place
# that there is

is($t->post($invoke, claude($text), key => $key{requests})->{status}, 200,
   'the one request there is');
my $requests = $t->totals->{requests};

my $slow = http_connect($t->port);
my $long = json_encode(claude(sim(output => 1, first_delay_ms => 60_000)));
http_send($slow, "POST /cancel/model/$LLM::Test::haiku/invoke HTTP/1.1\r\n"
    . "Host: x\r\nAuthorization: Bearer $key{concurrency}\r\n"
    . 'Content-Length: ' . length($long) . "\r\n\r\n$long");
ok(wait_for(sub { $t->account(virtual_key => 'concurrency')->{in_flight} }),
   'a call has the one place there is');

for my $name (sort keys %surface) {
    my $dialect = $surface{$name}[0];

    is_refused("$name, no key", $dialect, call($name),
               @{ $never{none}{$dialect} });
    is_refused("$name, unknown key", $dialect, call($name, 'sk-nobody'),
               @{ $never{unknown}{$dialect} });
    is_refused("$name, model not allowed", $dialect,
               call($name, $key{choosy}), @{ $never{choosy}{$dialect} });

    if ($name !~ /^governed/) {
        is_refused("$name, no provider takes the model", $dialect,
                   call($name, $key{mistral}), @{ $never{choosy}{$dialect} });
        is_refused("$name, nobody is there", $dialect,
                   call($name, $key{nobody}), @{ $never{nobody}{$dialect} },
                   again => 1);
    }

    my $r = call($name, $key{budget});
    is_refused("$name, budget", $dialect, $r, @{ $never{budget}{$dialect} });
    has_details("$name, budget", $dialect, $r, window => '1w',
                scope => 'virtual key', account => 'budget', limit => $limit,
                error_code => 'enforced_spend_limit_reached');

    $r = call($name, $key{team});
    is_refused("$name, team's budget", $dialect, $r,
               @{ $never{budget}{$dialect} });
    has_details("$name, team's budget", $dialect, $r, window => '1M',
                scope => 'team', account => 'poor', limit => $limit);

    for my $case ([ requests => 'requests' ], [ tokens => 'tokens' ],
                  [ input => 'input_tokens' ], [ output => 'output_tokens' ])
    {
        my ($account, $type) = @$case;
        $r = call($name, $key{$account});
        is_refused("$name, $type", $dialect, $r, @{ $never{limit}{$dialect} },
                   again => 1);
        has_details("$name, $type", $dialect, $r, window => '1d',
                    scope => 'virtual key', account => $account, limit => 1,
                    limit_type => $type, error_code => 'rate_limit_exceeded');
    }

    $r = call($name, $key{concurrency});
    is_refused("$name, concurrency", $dialect, $r,
               @{ $never{limit}{$dialect} }, again => 1);
    has_details("$name, concurrency", $dialect, $r, limit => 1,
                scope => 'virtual key', account => 'concurrency',
                limit_type => 'concurrency');
    cmp_ok($r->{headers}{'retry-after'}, '<=', 5,
           "$name, concurrency: come back soon");

    # broken requests

    my $path = $surface{$name}[1];
    my %invalid = (bedrock => 'ValidationException',
                   anthropic => 'invalid_request_error',
                   openai => 'invalid_request');
    is_refused("$name, no JSON", $dialect,
               call($name, $key{good}, body => '{"messages":'), 400,
               $invalid{$dialect});
    is_refused("$name, compressed", $dialect,
               call($name, $key{good}, headers => {
                   'Content-Encoding' => 'gzip' }), 415, $invalid{$dialect})
        if $name !~ /^governed/;
    is_refused("$name, too large", $dialect,
               $t->request('POST', $path, key => $key{good}, headers => {
                   'Content-Length' => 64_000_000 }, timeout => 3), 413,
               $dialect eq 'bedrock' ? $invalid{bedrock}
                                     : 'request_too_large');
}

close $slow;

# the operator's own status for budgets

for my $status (400, 402, 403, 429) {
    for my $name ('invoke', 'messages', 'governed chat') {
        my ($dialect, $path) = @{ $surface{$name} };
        $path =~ s{^/(\w+)}{/$1$status};
        my $r = call($name, $key{budget}, path => $path);
        is($r->{status}, $status, "$name, budget as $status")
            or diag($r->{body});
        is($r->{headers}{'x-should-retry'}, 'false',
           "$name, budget as $status: not to be retried all the same");
        has_details("$name, budget as $status", $dialect, $r, window => '1w',
                    account => 'budget');
    }
}

# all of that was free, and nobody was asked

is($t->totals->{requests}, $requests, 'the provider has seen none of it');

for my $name (grep { !/requests|concurrency/ } @keys) {
    my $account = $t->account(virtual_key => $name);
    is(LLM::Test::nano($account->{spent}{cost}), 0, "$name has spent nothing");
    is($account->{in_flight}, 0, "$name has nothing under way");
}

$t->finish;
done_testing;
