using System.Reflection;
using Xunit.Sdk;

namespace SemAim.Tests;

/// <summary>A theory over recorded files: one case a file, with its name below the golden folder; skipped where the folder has none.</summary>
/// <remarks>Together with <c>[GoldenFiles]</c> on the same method and a <see cref="GoldenKindAttribute"/> on it or its class.</remarks>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class GoldenTheoryAttribute : TheoryAttribute
{
    /// <param name="pattern">as in <see cref="GoldenKindAttribute"/></param>
    public GoldenTheoryAttribute(string pattern)
    {
        Pattern = pattern;
        if (!GoldenFolder.Files(pattern).Any()) Skip = $"{GoldenFolder.Path} has no {pattern}";
    }

    internal string Pattern { get; }
}

/// <summary>The files of a <see cref="GoldenTheoryAttribute"/>'s pattern.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class GoldenFilesAttribute : DataAttribute
{
    /// <inheritdoc />
    public override IEnumerable<object[]> GetData(MethodInfo testMethod)
        => GoldenFolder.Files(testMethod.GetCustomAttribute<GoldenTheoryAttribute>()!.Pattern).Select(f => new object[] { Path.GetRelativePath(GoldenFolder.Path, f) });
}
