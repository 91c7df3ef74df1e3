using System.Text.RegularExpressions;

namespace SemAim.Generators.Tests.Architecture;

/// <summary>The rules of the house that a reader cannot see in one file (docs/architecture.md).</summary>
public sealed partial class HouseRulesTests
{
    private static readonly string Root = FindRoot();

    [Fact]
    public void Native_calls_are_declared_only_in_the_native_room()
    {
        var strangers = Sources("SemAim.Generators", "SemAim.Runtime", "SemAim.Models", "SemAim.App")
            .Where(file => !file.Path.StartsWith("SemAim.Runtime/Native/", StringComparison.Ordinal))
            .Where(file => NativeCall().IsMatch(file.Text))
            .Select(file => file.Path);

        Assert.Empty(strangers);
    }

    [Fact]
    public void Only_the_front_end_and_the_two_entry_classes_know_Roslyn()
    {
        string[] allowed = ["SemAim.Generators/Frontend/", "SemAim.Generators/ModuleGenerator.cs", "SemAim.Generators/GraphAnalyzer.cs", "SemAim.Generators/Diagnostics/Descriptors"];

        var strangers = Sources("SemAim.Generators", "SemAim.Runtime", "SemAim.Models", "SemAim.App")
            .Where(file => !allowed.Any(place => file.Path.StartsWith(place, StringComparison.Ordinal)))
            .Where(file => RoslynUsing().IsMatch(file.Text))
            .Select(file => file.Path);

        Assert.Empty(strangers);
    }

    /// <summary>Symbols ← Ir ← {Link, Check, Passes, Analyze} ← Emit, so that most of the compiler is tested without Roslyn.</summary>
    [Theory]
    [InlineData("Symbols", "Ir Link Check Passes Analyze Emit Frontend")]
    [InlineData("Ir", "Link Check Passes Analyze Emit Frontend")]
    [InlineData("Passes", "Emit Frontend")]
    [InlineData("Analyze", "Emit Frontend")]
    [InlineData("Link", "Passes Emit")]
    [InlineData("Check", "Passes Emit")]
    public void A_room_of_the_compiler_does_not_look_into_a_later_one(string room, string later)
    {
        var uses = new Regex($@"^using (static )?SemAim\.Generators\.({later.Replace(' ', '|')})\b", RegexOptions.Multiline);

        var strangers = Sources($"SemAim.Generators/{room}").Where(file => uses.IsMatch(file.Text)).Select(file => file.Path);

        Assert.Empty(strangers);
    }

    [Theory]
    [InlineData("SemAim.Runtime", "SemAim.Models")]
    [InlineData("SemAim.Runtime", "SemAim.App")]
    [InlineData("SemAim.Models", "SemAim.App")]
    [InlineData("SemAim.Runtime/Optim", "SemAim.Runtime.Data")]
    [InlineData("SemAim.Runtime/Data", "SemAim.Models")]
    public void A_room_does_not_know_the_one_above_it(string room, string above)
    {
        var uses = new Regex($@"^using (static )?{Regex.Escape(above)}\b", RegexOptions.Multiline);

        var strangers = Sources(room).Where(file => uses.IsMatch(file.Text)).Select(file => file.Path);

        Assert.Empty(strangers);
    }

    private static IEnumerable<(string Path, string Text)> Sources(params string[] rooms)
        => from room in rooms
           let folder = Path.Combine(Root, room)
           where Directory.Exists(folder)
           from file in Directory.EnumerateFiles(folder, "*.cs", SearchOption.AllDirectories)
           let path = Path.GetRelativePath(Root, file).Replace('\\', '/')
           where !path.Contains("/obj/", StringComparison.Ordinal) && !path.Contains("/bin/", StringComparison.Ordinal)
           select (path, File.ReadAllText(file));

    private static string FindRoot()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (folder is not null && !File.Exists(Path.Combine(folder.FullName, "SemAim.sln"))) folder = folder.Parent;
        return folder?.FullName ?? throw new DirectoryNotFoundException("SemAim.sln is in no folder above the tests");
    }

    [GeneratedRegex(@"\[\s*(DllImport|LibraryImport)\b|\bNativeLibrary\.|delegate\s*\*\s*unmanaged")]
    private static partial Regex NativeCall();

    [GeneratedRegex(@"^using (static )?Microsoft\.CodeAnalysis\b", RegexOptions.Multiline)]
    private static partial Regex RoslynUsing();
}
