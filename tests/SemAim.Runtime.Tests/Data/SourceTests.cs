using System.Formats.Tar;
using System.Text;
using SemAim.Runtime.Data;

namespace SemAim.Runtime.Tests.Data;

/// <summary>Folders, lists and shards: what is found in them, in which order, and what is refused.</summary>
public sealed class SourceTests : IDisposable
{
    private readonly string root = Directory.CreateTempSubdirectory("semaim-source-").FullName;

    public void Dispose() => Directory.Delete(root, recursive: true);

    private string Put(string path, string content = "x")
    {
        var full = Path.Combine(root, path);
        Directory.CreateDirectory(Path.GetDirectoryName(full)!);
        File.WriteAllText(full, content);
        return full;
    }

    private static string Text(ISampleSource source, int index)
    {
        byte[] buffer = [];
        var length = source.Read(index, ref buffer);
        return Encoding.UTF8.GetString(buffer, 0, length);
    }

    [Fact]
    public void A_folder_is_walked_as_torchvision_does()
    {
        foreach (var file in new[] { "b/2.jpg", "b/10.JPEG", "b/deep/1.png", "b/notes.txt", "a/z.webp", "a/.hidden.bmp" }) Put("train/" + file);
        using var source = SampleSources.Open(root, "train", out var kind);

        Assert.Equal("ImageFolder train", kind);
        Assert.Equal(["a", "b"], source.Classes);
        Assert.Equal(["a/.hidden.bmp", "a/z.webp", "b/10.JPEG", "b/2.jpg", "b/deep/1.png"], Enumerable.Range(0, source.Count).Select(source.Name));
        Assert.Equal([0, 0, 1, 1, 1], Enumerable.Range(0, source.Count).Select(source.Label));
    }

    [Fact]
    public void An_empty_class_and_a_loop_of_links_are_named()
    {
        Put("train/a/1.jpg");
        Directory.CreateDirectory(Path.Combine(root, "train", "empty"));
        Assert.Contains("class empty has no images", Assert.Throws<RefusedException>(() => SampleSources.Open(root, "train", out _)).Message);
        Directory.Delete(Path.Combine(root, "train", "empty"));
        Directory.CreateSymbolicLink(Path.Combine(root, "train", "a", "loop"), Path.Combine(root, "train"));
        Assert.Contains("loop of links", Assert.Throws<RefusedException>(() => SampleSources.Open(root, "train", out _)).Message);
    }

    [Fact]
    public void A_list_names_paths_with_blanks_and_its_splits_differ()
    {
        Put("train/a b/1.jpg", "one");
        Put("train/2.jpg", "two");
        Put("val/3.jpg", "three");
        Put("train.txt", "a b/1.jpg 1\n\n2.jpg\t0\n");
        Put("val.txt", "3.jpg 1\n");
        using var train = SampleSources.Open(root, "train", out var kind);
        using var val = SampleSources.Open(root, "val", out _);

        Assert.Equal("list file train.txt", kind);
        Assert.Equal([("a b/1.jpg", 1, "one"), ("2.jpg", 0, "two")], Enumerable.Range(0, 2).Select(i => (train.Name(i), train.Label(i), Text(train, i))));
        Assert.Equal("three", Text(val, 0));
    }

    [Theory]
    [InlineData("picture.jpg", ":1: expected 'relative/path label'")]
    [InlineData("ok.jpg 0\n../secret.jpg 1", ":2: '../secret.jpg' leads out of its folder")]
    [InlineData("/etc/passwd 1", "is an absolute path")]
    [InlineData("a/../../b.jpg 1", "leads out of its folder")]
    [InlineData("a.jpg 2000000000", "labels are 0 to 999999")]
    [InlineData("a.jpg -1", "expected 'relative/path label'")]
    [InlineData("\n", "names no images")]
    public void A_bad_list_is_refused_with_its_line(string text, string said)
    {
        Put("train.txt", text);
        Assert.Contains(said, Assert.Throws<RefusedException>(() => SampleSources.Open(root, "train", out _)).Message);
    }

    [Theory]
    [InlineData(TarEntryFormat.V7)]
    [InlineData(TarEntryFormat.Ustar)]
    [InlineData(TarEntryFormat.Pax)]
    [InlineData(TarEntryFormat.Gnu)]
    public void Shards_of_every_format_give_their_members(TarEntryFormat format)
    {
        var longName = format is TarEntryFormat.V7 ? "deep" : string.Join('/', Enumerable.Repeat("a rather long folder name", 3)) + "/" + new string('n', 60);
        if (format is TarEntryFormat.Pax or TarEntryFormat.Gnu) longName += new string('m', 120);
        Shard("train-000.tar", format, ("0001.first.jpg", "one"), ("0001.cls", "2"), ("README", "no sample"), ($"{longName}.png", new string('p', 5000)), ($"{longName}.json", """{"label": 0, "caption": "x"}"""));
        Shard("train-001.tar", format, ("0002.cls", " 1\n"), ("0002.WEBP", "three"));
        Shard("val-000.tar", format, ("9.jpg", "held out"), ("9.cls", "0"));

        using var source = SampleSources.Open(root, "train", out var kind);

        Assert.Equal("2 tar shards", kind);
        Assert.Equal(["one", new string('p', 5000), "three"], Enumerable.Range(0, source.Count).Select(i => Text(source, i)));
        Assert.Equal([2, 0, 1], Enumerable.Range(0, source.Count).Select(source.Label));
        Assert.Equal("train-000.tar:0001.first.jpg", source.Name(0));
        using var val = SampleSources.Open(root, "val", out _);
        Assert.Equal("held out", Text(val, 0));
    }

    [Fact]
    public void Shards_without_labels_serve_pretraining_and_a_missing_label_is_named()
    {
        Shard("part.tar", TarEntryFormat.Ustar, ("1.jpg", "one"), ("2.jpg", "two"));
        using (var source = SampleSources.Open(root, "train", out _)) Assert.Equal((0, -1), (source.Classes.Count, source.Label(1)));
        Shard("part.tar", TarEntryFormat.Ustar, ("1.jpg", "one"), ("1.cls", "0"), ("2.jpg", "two"));
        Assert.Contains("part.tar:2.jpg has no .cls or .json label", Assert.Throws<RefusedException>(() => SampleSources.Open(root, "train", out _)).Message);
    }

    [Fact]
    public void Hostile_entries_refuse_the_shard()
    {
        string Refusal(TarEntry entry)
        {
            using (var writer = new TarWriter(File.Create(Path.Combine(root, "train.tar")), TarEntryFormat.Ustar)) writer.WriteEntry(entry);
            return Assert.Throws<RefusedException>(() => SampleSources.Open(root, "train", out _)).Message;
        }

        Assert.Contains("leads out of its folder", Refusal(new UstarTarEntry(TarEntryType.RegularFile, "../1.jpg")));
        Assert.Contains("leads out of its folder", Refusal(new UstarTarEntry(TarEntryType.RegularFile, "a/../../1.jpg")));
        Assert.Contains("is an absolute path", Refusal(new UstarTarEntry(TarEntryType.RegularFile, "/1.jpg")));
        Assert.Contains("is an absolute path", Refusal(new UstarTarEntry(TarEntryType.RegularFile, "C:\\1.jpg")));
        Assert.Contains("is a link", Refusal(new UstarTarEntry(TarEntryType.SymbolicLink, "1.jpg") { LinkName = "/etc/passwd" }));
        Assert.Contains("is a link", Refusal(new UstarTarEntry(TarEntryType.HardLink, "1.jpg") { LinkName = "2.jpg" }));
        Assert.Contains("is a device", Refusal(new UstarTarEntry(TarEntryType.CharacterDevice, "1.jpg")));
        Assert.Contains("is a device", Refusal(new UstarTarEntry(TarEntryType.Fifo, "1.jpg")));
    }

    [Fact]
    public void A_cut_shard_and_impossible_sizes_are_refused()
    {
        var path = Shard("train.tar", TarEntryFormat.Ustar, ("1.jpg", new string('a', 3000)), ("2.jpg", new string('b', 3000)));
        var whole = File.ReadAllBytes(path);
        string Refusal(byte[] content)
        {
            File.WriteAllBytes(path, content);
            return Assert.Throws<RefusedException>(() => SampleSources.Open(root, "train", out _)).Message;
        }

        Assert.Contains("is cut off", Refusal(whole[..(512 + 3072 + 512 + 100)]));
        Assert.Contains("ends within a header", Refusal(whole[..(512 + 3072 + 100)]));
        Assert.Contains("no tar header at byte 0", Refusal("not a tar file, but long enough to be asked for a header"u8.ToArray().Concat(new byte[1000]).ToArray()));
        var huge = (byte[])whole.Clone();
        "77777777777"u8.CopyTo(huge.AsSpan(124));
        Resum(huge.AsSpan(0, 512));
        Assert.Contains("'1.jpg' would be 8589934591 bytes", Refusal(huge));
        huge[124] = 0x80;
        huge.AsSpan(125, 11).Fill(0xFF);
        Resum(huge.AsSpan(0, 512));
        Assert.Contains("without a size", Refusal(huge));
        var extended = new byte[2048];
        whole.AsSpan(0, 512).CopyTo(extended);
        extended[156] = (byte)'x';
        "00000000012"u8.CopyTo(extended.AsSpan(124));
        "999999999 path=x\n"u8[..10].CopyTo(extended.AsSpan(512));
        Resum(extended.AsSpan(0, 512));
        Assert.Contains("malformed extended header", Refusal(extended));
    }

    private static void Resum(Span<byte> header)
    {
        header.Slice(148, 8).Fill((byte)' ');
        var sum = 0;
        foreach (var b in header) sum += b;
        Encoding.ASCII.GetBytes(Convert.ToString(sum, 8).PadLeft(6, '0') + "\0 ").CopyTo(header[148..]);
    }

    private string Shard(string name, TarEntryFormat format, params (string Name, string Content)[] members)
    {
        var path = Path.Combine(root, name);
        using var writer = new TarWriter(File.Create(path), format);
        foreach (var (member, content) in members)
        {
            TarEntry entry = format switch
            {
                TarEntryFormat.V7 => new V7TarEntry(TarEntryType.V7RegularFile, member),
                TarEntryFormat.Ustar => new UstarTarEntry(TarEntryType.RegularFile, member),
                TarEntryFormat.Pax => new PaxTarEntry(TarEntryType.RegularFile, member),
                _ => new GnuTarEntry(TarEntryType.RegularFile, member),
            };
            entry.DataStream = new MemoryStream(Encoding.UTF8.GetBytes(content));
            writer.WriteEntry(entry);
        }
        return path;
    }

    [Fact]
    public void A_remembered_folder_is_believed_until_something_in_it_changes()
    {
        for (var i = 0; i < 6; i++) Put($"train/{(i < 3 ? "a" : "b")}/{i}.jpg");
        Age(Path.Combine(root, "train"));
        var cache = new IndexCache(Path.Combine(root, "cache"), fewest: 5);
        var train = Path.Combine(root, "train");
        string[] Names() { using var s = FileSource.FromFolder(train, cache); return [.. Enumerable.Range(0, s.Count).Select(i => $"{s.Name(i)} {s.Label(i)}"), .. s.Classes]; }

        var first = Names();
        var entry = Assert.Single(Directory.GetFiles(Path.Combine(root, "cache")));
        Assert.NotNull(cache.Find("folder", train));
        Assert.Equal(first, Names());

        Put("train/b/7.jpg");
        Assert.Null(cache.Find("folder", train));
        Assert.Contains("b/7.jpg 1", Names());
        Age(train);
        Names();
        Put("train/a/sub/8.jpg");
        Assert.Contains("a/sub/8.jpg 0", Names());
        Age(train);
        Names();
        Put("train/c/9.jpg");
        Assert.Contains("c/9.jpg 2", Names());

        Age(train);
        var known = Names();
        var bytes = File.ReadAllBytes(entry);
        bytes[bytes.Length / 2] ^= 1;
        File.WriteAllBytes(entry, bytes);
        Assert.Null(cache.Find("folder", train));
        Assert.Equal(known, Names());
    }

    [Fact]
    public void A_remembered_shard_is_believed_while_size_and_time_stay()
    {
        var path = Shard("train.tar", TarEntryFormat.Ustar, ("1.jpg", "one"), ("1.cls", "0"), ("2.jpg", "two"), ("2.cls", "1"));
        var cache = new IndexCache(Path.Combine(root, "cache"), fewest: 1);
        File.SetLastWriteTimeUtc(path, DateTime.UtcNow.AddMinutes(-1));
        using (var source = new TarSource([path], cache)) Assert.Equal("two", Text(source, 1));
        Assert.Equal(2, cache.FindShard(path)!.Count);
        using (var source = new TarSource([path], cache)) Assert.Equal(("two", 1), (Text(source, 1), source.Label(1)));

        File.SetLastWriteTimeUtc(path, DateTime.UtcNow.AddMinutes(-2));
        Assert.Null(cache.FindShard(path));
    }

    // as if nothing had been touched for a minute: times too fresh are not trusted
    private static void Age(string folder)
    {
        foreach (var below in Directory.GetDirectories(folder, "*", SearchOption.AllDirectories).Append(folder)) Directory.SetLastWriteTimeUtc(below, DateTime.UtcNow.AddMinutes(-1));
    }
}
