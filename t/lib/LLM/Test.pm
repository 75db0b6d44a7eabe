package LLM::Test;

# Starts nginx with a configuration and the simulated Bedrock, talks to them,
# and looks at the end whether anything was left or logged that should not be.
#
#   LLM_NGINX   nginx to run (/usr/sbin/nginx)
#   LLM_MODULE  the module (build/ngx_http_llm_gov_module.so)
#   LLM_STATIC  set: the module is in the binary
#   LLM_KEEP    set: the temporary folder stays

use strict;
use warnings;

use Cwd qw(abs_path);
use Exporter qw(import);
use File::Basename qw(dirname);
use File::Path qw(make_path);
use File::Temp qw(tempdir);
use IO::Socket::INET;
use Socket qw(SOL_SOCKET SO_REUSEADDR);
use POSIX qw(:sys_wait_h setpgid);
use Test::More;
use Time::HiRes qw(time sleep);

use LLM::HTTP qw(http_connect http_send http_read http_request
                 json_encode json_decode);
use LLM::Wire qw(frames chunks sse_events sign_v4);

our @EXPORT = qw(http_connect http_send http_read http_request
                 json_encode json_decode frames chunks sse_events sign_v4
                 wait_for sim claude converse invoke_path provider);

our $root = abs_path(dirname(__FILE__) . '/../../..');

# the tests' own Python, which has botocore to check signatures with

our $python = $ENV{LLM_PYTHON}
    // (grep { -x } ($ENV{LLM_BUILD_DIR} // "$root/build")
                    . '/venv/bin/python')[0] // 'python3';

# AWS's documentation example, which the simulated Bedrock accepts

our $aws_key = 'AKIAIOSFODNN7EXAMPLE';
our $aws_secret = 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY';

my @all;

sub new {
    my ($class, %o) = @_;

    my $self = bless {
        nginx => $ENV{LLM_NGINX} || '/usr/sbin/nginx',
        module => $ENV{LLM_STATIC} ? ''
                  : $ENV{LLM_MODULE} // "$root/build/ngx_http_llm_gov_module.so",
        workers => 1, conf => '', allowed => [], ports => {}, pid => {}, %o,
    }, $class;

    $self->{prefix} = tempdir('llm-gov-XXXXXX', TMPDIR => 1,
                              CLEANUP => !$ENV{LLM_KEEP});
    make_path("$self->{prefix}/$_") for qw(logs temp store conf);
    chmod 0755, $self->{prefix};

    if ($self->{module} && !-e $self->{module}) {
        plan(skip_all => "no module at $self->{module}");
    }

    push @all, $self;

    return $self;
}

sub wait_for {
    my ($check, $timeout) = @_;

    my $end = time + ($timeout // 10);

    while (1) {
        my $found = $check->();
        return $found if $found || time > $end;
        sleep 0.02;
    }
}

# Ports away from ephemeral ones.  Each stays bound here, without a listener, as
# long as the test runs: another test then does not find it free, not even while
# nginx is down, and nginx, which reuses addresses, may listen all the same.

my $next_port = 10000 + ($$ * 17) % 20000;
my @bound;

sub port {
    my ($self, $name) = @_;

    return $self->{ports}{$name // ''} //= do {
        my $found;

        for (1 .. 500) {
            $next_port = 10000 if ++$next_port > 31000;
            my $sock = IO::Socket::INET->new(
                Proto => 'tcp', LocalAddr => "127.0.0.1:$next_port") or next;
            setsockopt $sock, SOL_SOCKET, SO_REUSEADDR, 1;
            push @bound, $sock;
            $found = $next_port;
            last;
        }

        $found // BAIL_OUT('no free port');
    };
}

sub file {
    my ($self, $name, $content) = @_;

    my $path = "$self->{prefix}/$name";
    make_path(dirname($path));

    if (defined $content) {
        open my $fh, '>', $path or die "$path: $!";
        print $fh $content;
        close $fh;
    }

    return $path;
}

sub slurp {
    my ($path) = @_;

    open my $fh, '<:raw', $path or return '';
    local $/;
    return scalar(<$fh>) // '';
}

sub error_log { return slurp("$_[0]{prefix}/logs/error.log") }

# The parts that every configuration has.

sub globals {
    my ($self) = @_;

    return ($self->{module} ? "load_module $self->{module};\n" : '')
        . "user root;\ndaemon off;\nmaster_process on;\n"
        . "worker_processes $self->{workers};\npid logs/nginx.pid;\n"
        . 'error_log logs/error.log ' . ($self->{log_level} // 'info') . ";\n"
        . "events { worker_connections 2048; }\n";
}

sub http_globals {
    my ($self) = @_;

    my $temp = join '', map { "${_}_temp_path temp/$_;\n" }
        qw(client_body proxy fastcgi uwsgi scgi);

    $temp = join '', map { "${_}_temp_path temp/$_;\n" } qw(client_body proxy)
        if $ENV{LLM_STATIC};

    return "access_log off;\n$temp"
        . 'llm_zone gov:' . ($self->{zone} // '16m') . ";\n"
        . "llm_prices $root/conf/prices.json;\n";
}

# A journal of the test's own, where it says nothing: the default may be outside
# of its folder, and would be left behind.

sub journaled {
    my ($conf) = @_;

    $conf =~ s{\b(llm_store\s[^;]*);}{
        my $store = $1;
        $store .= ' journal=%%PREFIX%%/journal' if $store !~ /\bjournal=/;
        "$store;"
    }ge;

    return $conf;
}

# %%NAME%% in a configuration: GLOBALS, HTTP, PREFIX, ROOT, SIM (host:port),
# CREDENTIALS, PORT, PORT_name for more ports, and what {vars} says.

sub expand {
    my ($self, $conf) = @_;

    my %known = (
        GLOBALS => sub { $self->globals }, HTTP => sub { $self->http_globals },
        PREFIX => sub { $self->{prefix} }, ROOT => sub { $root },
        SIM => sub { '127.0.0.1:' . ($self->{sim_port} // 1) },
        CREDENTIALS => sub {
            "credentials static access_key_id=$aws_key"
                . " secret_access_key=$aws_secret"
        });

    $conf = journaled($conf) unless $self->{default_journal};

    $conf =~ s{%%(\w+)%%}{
        my $name = $1;
        exists $self->{vars}{$name} ? $self->{vars}{$name}
        : $known{$name} ? $known{$name}->()
        : $name =~ /^PORT_?(.*)/ ? $self->port($1)
        : die "no %%$name%%";
    }ge;

    return $conf;
}

sub spawn {
    my ($self, $name, $out, @command) = @_;

    my $pid = fork // die "fork: $!";

    if ($pid == 0) {
        setpgid(0, 0);
        open STDIN, '<', '/dev/null';
        open STDOUT, '>', $out or POSIX::_exit(126);
        open STDERR, '>>', "$self->{prefix}/logs/$name.stderr"
            or POSIX::_exit(126);
        my %env = %{ $self->{env} // {} };
        @ENV{keys %env} = values %env;
        exec @command or POSIX::_exit(127);
    }

    setpgid($pid, $pid);
    $self->{pid}{$name} = $pid;

    return $pid;
}

sub start_sim {
    my ($self, @args) = @_;

    my $out = "$self->{prefix}/logs/sim.out";
    my $verify = $ENV{LLM_TEST_VERIFY}
        // (system("$python -c 'import botocore' 2>/dev/null") == 0
            ? 'botocore' : 'own');
    my @prices = -e "$root/conf/prices.json"
        ? ('--prices', "$root/conf/prices.json") : ();

    $self->spawn('sim', $out, $python,
                 "$root/scripts/simulated-bedrock", '--delay-ms', 0,
                 '--verify', $verify, @prices, @args);

    $self->{sim_port} = wait_for(sub {
        slurp($out) =~ /listening on \S+:(\d+)\n/ ? $1 : 0 }, 15)
        or BAIL_OUT("the simulated Bedrock does not start: "
                    . slurp("$self->{prefix}/logs/sim.stderr"));

    return $self;
}

# The control API: GET with a name alone, POST with something to send.

sub sim_control {
    my ($self, $name, $value) = @_;

    my $r = http_request(defined $value ? 'POST' : 'GET', "/_sim/$name",
                         port => $self->{sim_port},
                         defined $value ? (body => $value) : ());

    die "/_sim/$name: $r->{status} $r->{body}\n" unless $r->{status} == 200;

    return $r->{json};
}

sub totals { return $_[0]->sim_control('totals') }
sub received { return @{ $_[0]->sim_control('requests?body=1') } }
sub script { my $self = shift; return $self->sim_control('script', [@_]) }

sub write_conf {
    my ($self, $conf) = @_;

    return $self->file('conf/nginx.conf',
                       $self->expand($conf // $self->{conf}));
}

# What `nginx -t` makes of a configuration: (whether it is fine, what it says).

sub config_test {
    my ($self, $conf) = @_;

    local %ENV = (%ENV, %{ $self->{env} // {} });
    my $path = $self->file('conf/test.conf', $self->expand($conf));
    my $text = `$self->{nginx} -t -p $self->{prefix} -c $path -e stderr 2>&1`;

    return ($? == 0, $text);
}

sub start {
    my ($self) = @_;

    my $path = $self->write_conf;
    my $pid = $self->spawn('nginx', '/dev/null', $self->{nginx}, '-p',
                           $self->{prefix}, '-c', $path, '-e',
                           "$self->{prefix}/logs/error.log");

    wait_for(sub {
        my $sock = http_connect($self->port, timeout => 1);

        # before it has workers nginx may overlook a signal

        return 1 if $sock && $self->workers;
        return waitpid($pid, WNOHANG) ? 2 : 0;
    }, 30);

    if (!http_connect($self->port)) {
        diag(slurp("$self->{prefix}/logs/nginx.stderr"), $self->error_log);
        BAIL_OUT('nginx does not start');
    }

    return $self;
}

sub request {
    my ($self, $method, $path, %o) = @_;

    $o{headers} = { Authorization => "Bearer $o{key}",
                    %{ $o{headers} // {} } } if defined $o{key};

    return http_request($method, $path, port => $self->port, %o);
}

# A gateway as most tests want one: provider "main" on the simulated Bedrock,
# the parts {http} and {server} of the test.

our $haiku = 'anthropic.claude-3-haiku-20240307-v1:0';

sub provider {
    my ($name, $more) = @_;

    $more //= '';
    my $region = $more =~ /^\s*region\s/m ? '' : 'region us-east-1;';
    my $credentials = $more =~ /\bcredentials / ? '' : '%%CREDENTIALS%%;';
    my $endpoint = $more =~ /(?<!_)endpoint / ? '' : 'endpoint http://%%SIM%%;';

    return "llm_provider $name { type bedrock; $region $endpoint "
        . "$credentials $more }\n";
}

sub gateway {
    my ($class, %o) = @_;

    my $http = delete $o{http} // '';
    my $server = delete $o{server} // '';
    my $main = delete $o{provider} // provider('main');

    return $class->new(%o, conf => <<"END");
%%GLOBALS%%
http {
%%HTTP%%
$main
$http
server {
    listen 127.0.0.1:%%PORT%%;
    client_max_body_size 32m;
    location /bedrock/ { llm_pass bedrock; }
    location /anthropic/ { llm_pass anthropic; }
    location /llm/ { llm_status; }
    location = /metrics { llm_metrics; }
    $server
}
}
END
}

# Runs t/lib/load.py with a list of requests; its results.

sub load {
    my ($self, $concurrency, @requests) = @_;

    my $plan = $self->file('load.json', json_encode({
        port => $self->port, concurrency => $concurrency,
        requests => \@requests }));
    my $result = json_decode(scalar `$python $root/t/lib/load.py < $plan`)
        or die "load.py failed\n";

    $self->{load_seconds} = $result->{seconds};
    return @{ $result->{results} };
}

# The ledger as the status page tells it: an account (customer, team,
# virtual_key, provider) with what it has spent since the beginning, in
# nanodollars and tokens.

sub status {
    my ($self) = @_;

    return $self->get('/llm/', headers => {
        Accept => 'application/json' })->{json} // {};
}

sub account {
    my ($self, $kind, $name) = @_;

    my ($found) = grep { $_->{name} eq $name }
        @{ $self->status->{"${kind}s"} // [] };

    return $found // die "no $kind $name in the status page\n";
}

sub nano { return sprintf '%.0f', $_[0] * 1e9 }

sub spent { my $self = shift; return nano($self->account(@_)->{spent}{cost}) }

sub held {
    my $self = shift;

    my $account = $self->account(@_);
    return $account->{in_flight} ? nano($account->{held}{cost}) || 1 : 0;
}

sub tokens {
    my $self = shift;

    my $spent = $self->account(@_)->{spent};
    return $spent->{input_tokens} + $spent->{output_tokens};
}

sub get { my $self = shift; return $self->request('GET', @_) }

sub post {
    my ($self, $path, $body, %o) = @_;

    return $self->request('POST', $path, body => $body, %o);
}

sub pid { return $_[0]{pid}{$_[1] // 'nginx'} }

sub children {
    my ($self, $title) = @_;

    my $master = $self->pid;
    my @found;

    for my $path (glob '/proc/[0-9]*/stat') {
        my $stat = slurp($path);
        my ($pid, $parent) = $stat =~ /^(\d+) \(.*\) \S (\d+)/s or next;
        next if $parent != $master;
        push @found, $pid if slurp("/proc/$pid/cmdline") =~ $title;
    }

    return @found;
}

sub workers { return $_[0]->children(qr/worker process(?! is shutting)/) }

# The background process, once it is there: a child gets its title late.

sub manager {
    my ($self) = @_;

    return wait_for(sub { ($self->children(qr/cache manager/))[0] })
        || die "no cache manager process\n";
}

# Loads a new configuration and waits for the new workers.

sub reload {
    my ($self, $conf) = @_;

    my %old = map { ($_ => 1) } $self->workers;

    $self->write_conf($conf) if defined $conf;
    kill 'HUP', $self->pid;

    return wait_for(sub {
        my @now = $self->workers;
        return @now >= $self->{workers} && !grep { $old{$_} } @now;
    }, 20);
}

# Whether nobody of a process group is left.  Who is dead and not yet buried by
# init, which may take seconds, is gone, too; but not while threads of it end,
# which have its sockets.

sub gone {
    my ($group) = @_;

    my $lives = sub {
        my ($state, $its) = slurp($_[0]) =~ /^\d+ \(.*\) (\S) \d+ (\d+)/s;
        return 0 if !defined $its || $its != $group;
        return 1 if $state !~ /[ZX]/;
        my @threads = glob $_[0] =~ s{stat$}{task/*}r;
        return @threads > 1;
    };

    return 1 if !kill 0, -$group;
    return 0 if $lives->("/proc/$group/stat");
    return !grep { $lives->($_) } glob '/proc/[0-9]*/stat';
}

# Ends a group of processes: politely, then not.  Whether politely was enough.

sub end {
    my ($self, $name, $signal, $timeout) = @_;

    my $pid = delete $self->{pid}{$name} or return 1;
    kill $signal, $pid;

    my $over = wait_for(sub { waitpid($pid, WNOHANG); gone($pid) },
                        $timeout // 20);

    if (!$over) {
        kill 'KILL', -$pid;
        wait_for(sub { waitpid($pid, WNOHANG); gone($pid) }, 5);
    }

    return $over;
}

sub quit { return $_[0]->end('nginx', 'QUIT', $_[1]) }

# The lines of the error log that should not be there.

sub complaints {
    my ($self) = @_;

    my @lines = grep { /\[(?:alert|emerg|crit)\]/ } split /\n/,
        $self->error_log;

    push @lines, grep { /ERROR: \w+Sanitizer|runtime error:|ERROR SUMMARY/ }
        split /\n/, $self->error_log . slurp("$self->{prefix}/logs/nginx.stderr");

    # nginx's own parser compares four bytes at once wherever they lie

    @lines = grep { !m{^src/\S+ runtime error: load of misaligned} } @lines;

    # an address that is not free yet is tried again; where that does not help
    # nginx does not start

    @lines = grep { !/bind\(\) to \S+ failed \(98:/ } @lines;

    for my $allowed (@{ $self->{allowed} }) {
        @lines = grep { $_ !~ $allowed } @lines;
    }

    return @lines;
}

# Stops everything and checks that it went well.

sub finish {
    my ($self) = @_;

    return if $self->{finished}++;

    ok($self->quit, 'nginx ends by itself') if $self->{pid}{nginx};
    $self->end('sim', 'TERM', 5);

    my @complaints = $self->complaints;
    is(scalar @complaints, 0, 'no alert, no sanitizer report')
        or diag(join "\n", @complaints[0 .. ($#complaints > 9 ? 9
                                             : $#complaints)],
                slurp("$self->{prefix}/logs/nginx.stderr"));

    return;
}

# A test that is stopped ends what it started, too; what it forked does not.

my $test = $$;

$SIG{INT} = $SIG{TERM} = sub { $$ == $test ? exit 1 : POSIX::_exit(1) };

END {
    my $status = $?;

    for my $self (@all) {
        $self->end($_, 'KILL', 2) for keys %{ $self->{pid} };
    }

    $? = $status;
}

# Bodies: what the simulated Bedrock is to do goes into the prompt.

sub sim { my (%o) = @_; return 'Hello. sim:' . json_encode(\%o) }

sub claude {
    my ($text, %o) = @_;

    return { anthropic_version => 'bedrock-2023-05-31', max_tokens => 100,
             messages => [ { role => 'user', content => $text } ], %o };
}

sub converse {
    my ($text, %o) = @_;

    return { messages => [ { role => 'user',
                             content => [ { text => $text } ] } ], %o };
}

sub invoke_path {
    my ($model, $operation) = @_;

    $model =~ s/:/%3A/g;
    $model =~ s{/}{%2F}g;

    return '/bedrock/model/' . $model . '/' . ($operation // 'invoke');
}

1;
