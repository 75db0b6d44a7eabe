package LLM::HTTP;

# A raw HTTP/1.x client that can do what no decent client does: stop in the
# middle, send slowly, break the framing.

use strict;
use warnings;

use Exporter qw(import);
use IO::Select;
use IO::Socket::INET;
use JSON::PP ();
use Socket qw(IPPROTO_TCP TCP_NODELAY SOL_SOCKET SO_LINGER);
use Time::HiRes qw(time sleep);

our @EXPORT_OK = qw(http_connect http_send http_read http_request
                    json_encode json_decode);

$SIG{PIPE} = 'IGNORE';

my $json = JSON::PP->new->utf8->canonical->allow_nonref;

sub json_encode { return $json->encode($_[0]) }

sub json_decode {
    my ($text) = @_;

    return scalar eval { $json->decode($text) };
}

sub http_connect {
    my ($port, %o) = @_;

    my $sock = IO::Socket::INET->new(
        PeerAddr => '127.0.0.1', PeerPort => $port, Proto => 'tcp',
        Timeout => $o{timeout} // 5) or return undef;

    setsockopt($sock, IPPROTO_TCP, TCP_NODELAY, 1);
    $sock->blocking(0);

    return $sock;
}

# Everything out, or as much as the other side takes until the deadline.

sub http_send {
    my ($sock, $data, %o) = @_;

    my $end = time + ($o{timeout} // 20);
    my $select = IO::Select->new($sock);
    my $sent = 0;

    while ($sent < length $data && time < $end) {
        next unless $select->can_write(0.25);

        my $n = syswrite($sock, $data, $o{piece} // 65536, $sent);

        if (defined $n) {
            $sent += $n;
            sleep($o{pause}) if $o{pause};

        } elsif (!$!{EAGAIN} && !$!{EINTR}) {
            last;
        }
    }

    return $sent;
}

sub _more {
    my ($state, $until) = @_;

    return 0 if $state->{eof};

    my $left = $until - time;
    return 0 if $left <= 0 || !IO::Select->new($state->{sock})->can_read($left);

    my $n = sysread($state->{sock}, $state->{in}, 65536, length $state->{in});

    return 1 if !defined $n && ($!{EAGAIN} || $!{EINTR});

    if (!$n) {
        $state->{eof} = 1;
        $state->{reset} = 1 if !defined $n;
        return 0;
    }

    $state->{first} //= time;
    return 1;
}

sub _head {
    my ($state, $until) = @_;

    while ($state->{in} !~ /\r\n\r\n/) {
        _more($state, $until) or return undef;
    }

    $state->{in} =~ s/^(.*?)\r\n\r\n//s;
    my ($line, @lines) = split /\r\n/, $1;
    my ($version, $status, $reason) = split / /, $line, 3;
    my %headers;

    for (@lines) {
        my ($name, $value) = split /:\s*/, $_, 2;
        $name = lc $name;
        $headers{$name} = defined $headers{$name}
            ? "$headers{$name}, $value" : $value;
    }

    return { version => $version, status => $status, reason => $reason,
             headers => \%headers, head => join("\n", $line, @lines) };
}

sub _chunked {
    my ($state, $until, $limit) = @_;

    my $body = '';

    while (1) {
        while ($state->{in} !~ /^[0-9a-fA-F]+[^\n]*\r\n/) {
            _more($state, $until) or return ($body, 0);
        }

        $state->{in} =~ s/^([0-9a-fA-F]+)[^\n]*\r\n//;
        my $size = hex $1;

        while (length $state->{in} < $size + 2) {
            if (defined $limit
                && length($body) + length $state->{in} >= $limit)
            {
                return ($body . $state->{in}, 0);
            }

            _more($state, $until)
                or return ($body . substr($state->{in}, 0, $size), 0);
        }

        $body .= substr($state->{in}, 0, $size, '');
        substr($state->{in}, 0, 2, '');

        return ($body, 1) if $size == 0;
        return ($body, 0) if defined $limit && length $body >= $limit;
    }
}

sub _body {
    my ($state, $r, $until, $limit, $method) = @_;

    return ('', 1) if $method eq 'HEAD' || $r->{status} == 204
                      || $r->{status} == 304;

    if (($r->{headers}{'transfer-encoding'} // '') eq 'chunked') {
        return _chunked($state, $until, $limit);
    }

    my $size = $r->{headers}{'content-length'};

    while (!defined $size || length $state->{in} < $size) {
        last if defined $limit && length $state->{in} >= $limit;
        last unless _more($state, $until);
    }

    my $body = substr($state->{in}, 0, $size // length $state->{in}, '');
    my $whole = defined $size ? length $body == $size
                              : $state->{eof} && !$state->{reset};

    return ($body, $whole ? 1 : 0);
}

# A response: { status, headers (lower case), body, json, complete, closed,
# reset, first and total (seconds) }; status 0 where there was none.
# `limit`: reads no further than so many bytes of body.

sub http_read {
    my ($sock, %o) = @_;

    my $began = time;
    my $until = $began + ($o{timeout} // 20);
    my $state = { sock => $sock, in => $o{rest} // '' };
    my ($r, @interim);

    while (1) {
        $r = _head($state, $until);
        last if !$r || $r->{status} >= 200 || $r->{status} == 101;
        push @interim, $r->{status};
    }

    $r //= { status => 0, headers => {}, body => '', complete => 0,
             head => '' };
    $r->{interim} = \@interim;

    if ($r->{status}) {
        ($r->{body}, $r->{complete}) =
            _body($state, $r, $until, $o{limit}, $o{method} // 'GET');
    }

    $r->{rest} = $state->{in};
    $r->{closed} = $state->{eof} ? 1 : 0;
    $r->{reset} = $state->{reset} ? 1 : 0;
    $r->{total} = time - $began;
    $r->{first} = defined $state->{first} ? $state->{first} - $began : undef;

    if ($r->{body} =~ /^\s*[\[{]/) {
        $r->{json} = json_decode($r->{body});
    }

    return $r;
}

sub _request_text {
    my ($method, $target, %o) = @_;

    my $version = $o{version} // '1.1';
    my %headers = %{ $o{headers} // {} };
    my $body = $o{body};
    my $text = "$method $target HTTP/$version\r\n";

    $headers{Host} //= 'gateway.test' if $version eq '1.1';
    $headers{Connection} //= 'close' unless $o{sock};

    if (defined $body && $o{chunked}) {
        $headers{'Transfer-Encoding'} = 'chunked';
        my $size = $o{chunked} > 1 ? $o{chunked} : 1000;
        my $encoded = '';

        while (length $body) {
            my $piece = substr($body, 0, $size, '');
            $encoded .= sprintf("%x\r\n%s\r\n", length $piece, $piece);
        }

        $body = "${encoded}0\r\n\r\n";

    } elsif (defined $body) {
        $headers{'Content-Length'} //= length $body;
    }

    for my $name (sort keys %headers) {
        for my $value (ref $headers{$name} ? @{ $headers{$name} }
                                           : $headers{$name})
        {
            $text .= "$name: $value\r\n" if defined $value;
        }
    }

    return ("$text\r\n", $body // '');
}

# Options: port, headers, body (text, or a reference that becomes JSON),
# version, chunked (size of the chunks), timeout, limit, piece and pause (slow
# sending), expect (waits for 100 Continue), sock (kept connection), reset
# (ends with a RST when `limit` is reached).

sub http_request {
    my ($method, $target, %o) = @_;

    if (ref $o{body}) {
        $o{body} = json_encode($o{body});
        $o{headers} = { 'Content-Type' => 'application/json',
                        %{ $o{headers} // {} } };
    }

    my $sock = $o{sock} // http_connect($o{port});
    return { status => 0, headers => {}, body => '', complete => 0,
             error => "no connection: $!" } unless $sock;

    my ($head, $body) = _request_text($method, $target, %o);
    my %send = map { ($_ => $o{$_}) } grep { defined $o{$_} }
               qw(piece pause timeout);
    my $r;

    if ($o{expect}) {
        $head =~ s/\r\n\r\n$/\r\nExpect: 100-continue\r\n\r\n/;
        http_send($sock, $head, %send);
        IO::Select->new($sock)->can_read($o{timeout} // 5);
        http_send($sock, $body, %send);

    } else {
        http_send($sock, $head . $body, %send);
    }

    $r = http_read($sock, %o, method => $method);

    if (!$o{sock}) {
        setsockopt($sock, SOL_SOCKET, SO_LINGER, pack('ii', 1, 0))
            if $o{reset};
        close $sock;
    }

    return $r;
}

1;
