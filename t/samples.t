#!/usr/bin/perl

# Every recorded exchange of Bedrock, replayed: request and response come out
# byte for byte, with all of Amazon's headers, and what the response says is
# charged.  Claude's through /anthropic: the same events.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Digest::SHA qw(sha256_hex);
use LLM::Test;
use List::Util qw(sum0);
use Test::More;

my $data = ($ENV{LLM_TEST_DATA} // "$LLM::Test::root/../shared/data")
    . '/samples';
my $own = "$LLM::Test::root/scripts/simulated_bedrock/recordings";

diag("skipped: what lies in $data, which is not there") unless -d $data;

my $key = 'sk-test-samples-0123456789';
my $t = LLM::Test->gateway(provider => provider('main', 'max_failures 0;'),
                           http => "
    llm_unpriced_model allow;
    llm_virtual_key tester { secret $key; }
");

$t->start_sim(-d $data ? ('--samples', $data) : ());
$t->start;

my %operation = (
    invoke => 'invoke', 'invoke-stream' => 'invoke-with-response-stream',
    converse => 'converse', 'converse-stream' => 'converse-stream',
    'count-tokens' => 'count-tokens', 'error' => 'converse');

my %folder = map { m{([^/]+)$} ? ($1 => $_) : () }
    grep { m{/(?:own-)?(?:invoke|converse|count-tokens|error)-} && -d }
    glob("$own/* $data/*");

my %usage = map { %{ json_decode(LLM::Test::slurp($_)) // {} } }
    grep { -e } map { "$_/expected-usage.json" } $own, $data;

# a folder: model and operation of its request, body both ways, headers

sub recorded {
    my ($name) = @_;

    my $folder = $folder{$name};
    my ($kind) = $name =~ /^(?:own-)?((?:invoke|converse)(?:-stream)?
                           |count-tokens|error)/x;
    my $text = LLM::Test::slurp("$folder/request.txt");
    my ($model, $operation) = $text =~ m{/model/([^/\s]+)/([\w-]+)};
    undef $model if $kind eq 'error';       # it may have been about that
    my ($status, @lines) = split /\r?\n/,
        LLM::Test::slurp("$folder/response.headers");
    my %headers = map { /^(x-amzn-[^:]*):\s*(.*)/i ? (lc $1 => $2) : () }
        @lines;
    my ($body) = grep { length } map { LLM::Test::slurp(
        "$folder/response.$_") } qw(json bin);
    my $request = LLM::Test::slurp("$folder/request.json");

    return { model => $model // 'anthropic.claude-3-haiku-20240307-v1%3A0',
             operation => $operation // $operation{$kind}, kind => $kind,
             status => $status =~ /^(\d+)/, headers => \%headers,
             body => $body, request => length $request ? $request
                 : json_encode($kind eq 'invoke' ? claude('hi')
                                                 : converse('hi')) };
}

sub settled_tokens {
    wait_for(sub { $t->held(virtual_key => 'tester') == 0 });
    return $t->tokens(virtual_key => 'tester');
}

my $replayed = 0;

for my $name (sort keys %folder) {
    my $r = recorded($name);
    next if !defined $r->{body};

    # the gateway's own credentials are no business of the client's

    my $ours = $r->{status} == 403;

    for my $split (0, $r->{kind} =~ /stream/ ? 1 : 7) {
        my $how = $split ? "$name, in pieces of $split" : $name;
        my $tokens = settled_tokens();

        $t->sim_control('reset', {});
        $t->script({ sample => $name, split => $split });
        my $got = $t->post("/bedrock/model/$r->{model}/$r->{operation}",
                           $r->{request}, key => $key, headers => {
                               'Content-Type' => 'application/json' });
        my ($seen) = reverse $t->received;

        is($seen->{sha256}, sha256_hex($r->{request}),
           "$how: the request as it was");

        if ($ours) {
            is($got->{status}, 503, "$how: 503");
            next;
        }

        is($got->{status}, $r->{status}, "$how: $r->{status}");
        ok($got->{body} eq $r->{body}, "$how: every byte")
            or diag(substr $got->{body}, 0, 300);

        my %amazon = map { ($_ => $got->{headers}{$_}) }
            keys %{ $r->{headers} };
        is_deeply(\%amazon, $r->{headers}, "$how: Amazon's headers");

        my $billed = $usage{$name}{usage} // {};
        is(settled_tokens() - $tokens, sum0(map { $billed->{$_} // 0 }
           qw(input output cache_read cache_write_5m cache_write_1h)),
           "$how: what it says is charged");
    }

    $replayed++;
}

cmp_ok($replayed, '>=', -d $data ? 35 : 5, "$replayed recordings");

# Claude's answers through /anthropic

sub message {
    my ($name, %o) = @_;

    $t->script({ sample => $name, split => delete $o{split} // 0 });
    return $t->post('/anthropic/v1/messages', {
        model => 'claude-3-haiku-20240307', max_tokens => 100,
        messages => [ { role => 'user', content => 'hi' } ], %o },
        key => $key);
}

for my $name (grep { /invoke-stream-claude/ } sort keys %folder) {
    my $r = recorded($name);
    my @wanted = chunks($r->{body});

    for my $event (@wanted) {
        delete @$event{'amazon-bedrock-invocationMetrics', 'p'};
    }

    for my $split (0, 1) {
        my $how = $split ? "$name, byte by byte" : $name;
        my @events = sse_events(message($name, stream => \1,
                                        split => $split)->{body});
        is_deeply([ map { $_->{json} } @events ], \@wanted,
                  "$how, anthropic: the same " . @wanted . ' events');
        is(scalar(grep { $_->{event} ne $_->{json}{type} } @events), 0,
           "$how, anthropic: by their names");
    }
}

for my $name (grep { /invoke-claude/ } sort keys %folder) {
    my $r = recorded($name);
    my $got = message($name);
    is($got->{status}, 200, "$name, anthropic: 200");
    ok($got->{body} eq $r->{body}, "$name, anthropic: every byte");
}

# errors in Anthropic's words, their text as it was

for my $name (grep { /^error-400/ } sort keys %folder) {
    my $got = message($name);
    is($got->{status}, 400, "$name, anthropic: 400");
    is($got->{json}{error}{type}, 'invalid_request_error',
       "$name, anthropic: type");
    like($got->{json}{error}{message},
         qr/\Q@{[ json_decode(recorded($name)->{body})->{message} ]}\E/,
         "$name, anthropic: message");
}

is($t->totals->{errors}{InvalidSignatureException}, undef,
   'every signature was right');

$t->finish;
done_testing;
