using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;
using Microsoft.CodeAnalysis;

namespace SemAim.Generators.Diagnostics;

/// <summary>Every diagnostic in one table. The message comes with its argument, because it may have several lines.</summary>
internal static class Descriptors
{
    private const string Category = "SemAim", Message = "{0}", Pages = "docs/diagnostics/";

    internal static ImmutableArray<DiagnosticDescriptor> All { get; } =
    [
        new("SEM0001", "A module is not partial", Message, Category, DiagnosticSeverity.Error, true, helpLinkUri: Pages + "SEM0001.md"),
        new("SEM0002", "A module does not derive from GraphModule", Message, Category, DiagnosticSeverity.Error, true, helpLinkUri: Pages + "SEM0002.md"),
        new("SEM0003", "A graph does not say what it returns", Message, Category, DiagnosticSeverity.Error, true, helpLinkUri: Pages + "SEM0003.md"),
        new("SEM0004", "A parameter of a graph has no shape", Message, Category, DiagnosticSeverity.Error, true, helpLinkUri: Pages + "SEM0004.md"),
        new("SEM0005", "A graph is declared outside a module", Message, Category, DiagnosticSeverity.Error, true, helpLinkUri: Pages + "SEM0005.md"),
        new("SEM0006", "A module has no primary constructor", Message, Category, DiagnosticSeverity.Error, true, helpLinkUri: Pages + "SEM0006.md"),
        new("SEM0007", "A module is generic, nested or a record", Message, Category, DiagnosticSeverity.Error, true, helpLinkUri: Pages + "SEM0007.md"),
        new("SEM0020", "A construct cannot be part of a graph", Message, Category, DiagnosticSeverity.Error, true, helpLinkUri: Pages + "SEM0020.md"),
        new("SEM0021", "A call is no graph operation", Message, Category, DiagnosticSeverity.Error, true, helpLinkUri: Pages + "SEM0021.md"),
        new("SEM0022", "A graph looks at a value", Message, Category, DiagnosticSeverity.Error, true, helpLinkUri: Pages + "SEM0022.md"),
        new("SEM0023", "A local has different shapes after two branches", Message, Category, DiagnosticSeverity.Error, true, helpLinkUri: Pages + "SEM0023.md"),
        new("SEM0024", "A graph calls itself", Message, Category, DiagnosticSeverity.Error, true, helpLinkUri: Pages + "SEM0024.md"),
        new("SEM0030", "A pattern is malformed", Message, Category, DiagnosticSeverity.Error, true, helpLinkUri: Pages + "SEM0030.md"),
        new("SEM0031", "A pattern marks no axis or several", Message, Category, DiagnosticSeverity.Error, true, helpLinkUri: Pages + "SEM0031.md"),
        new("SEM0101", "A size is not known", Message, Category, DiagnosticSeverity.Error, true, helpLinkUri: Pages + "SEM0101.md"),
        new("SEM0102", "A size is defined in terms of itself", Message, Category, DiagnosticSeverity.Error, true, helpLinkUri: Pages + "SEM0102.md"),
        new("SEM0103", "A layer is never used", Message, Category, DiagnosticSeverity.Warning, true, helpLinkUri: Pages + "SEM0103.md"),
        new("SEM0104", "Two layers have the same key", Message, Category, DiagnosticSeverity.Error, true, helpLinkUri: Pages + "SEM0104.md"),
        new("SEM0105", "A field is a plain tensor", Message, Category, DiagnosticSeverity.Error, true, helpLinkUri: Pages + "SEM0105.md"),
        new("SEM0106", "A layer is not constructed by its initialiser", Message, Category, DiagnosticSeverity.Error, true, helpLinkUri: Pages + "SEM0106.md"),
        new("SEM0110", "A variant breaks a requirement", Message, Category, DiagnosticSeverity.Error, true, helpLinkUri: Pages + "SEM0110.md"),
        new("SEM0111", "A requirement of a layer is not promised", Message, Category, DiagnosticSeverity.Error, true, helpLinkUri: Pages + "SEM0111.md"),
        new("SEM0112", "The sizes of a variant cannot be read", Message, Category, DiagnosticSeverity.Error, true, helpLinkUri: Pages + "SEM0112.md"),
        new("SEM0120", "A quotient may not be a whole number", Message, Category, DiagnosticSeverity.Error, true, helpLinkUri: Pages + "SEM0120.md"),
        new("SEM0121", "A relation of sizes cannot be proven", Message, Category, DiagnosticSeverity.Error, true, helpLinkUri: Pages + "SEM0121.md"),
        new("SEM0201", "An axis has another size", Message, Category, DiagnosticSeverity.Error, true, helpLinkUri: Pages + "SEM0201.md"),
        new("SEM0202", "A value has another number of axes", Message, Category, DiagnosticSeverity.Error, true, helpLinkUri: Pages + "SEM0202.md"),
        new("SEM0203", "Axes are only equal by luck", Message, Category, DiagnosticSeverity.Error, true, helpLinkUri: Pages + "SEM0203.md"),
        new("SEM0204", "Two values have no common reading", Message, Category, DiagnosticSeverity.Error, true, helpLinkUri: Pages + "SEM0204.md"),
        new("SEM0205", "Joined values differ outside the joined axis", Message, Category, DiagnosticSeverity.Error, true, helpLinkUri: Pages + "SEM0205.md"),
        new("SEM0206", "A graph returns another shape than it promises", Message, Category, DiagnosticSeverity.Error, true, helpLinkUri: Pages + "SEM0206.md"),
        new("SEM0207", "An index is outside its axis", Message, Category, DiagnosticSeverity.Error, true, helpLinkUri: Pages + "SEM0207.md"),
        new("SEM0208", "A name has two sizes in an einsum", Message, Category, DiagnosticSeverity.Error, true, helpLinkUri: Pages + "SEM0208.md"),
        new("SEM0209", "A mask orders other axes", Message, Category, DiagnosticSeverity.Error, true, helpLinkUri: Pages + "SEM0209.md"),
        new("SEM0210", "An axis cannot be split", Message, Category, DiagnosticSeverity.Error, true, helpLinkUri: Pages + "SEM0210.md"),
        new("SEM0211", "Two new names share a group", Message, Category, DiagnosticSeverity.Error, true, helpLinkUri: Pages + "SEM0211.md"),
        new("SEM0212", "An axis disappears", Message, Category, DiagnosticSeverity.Error, true, helpLinkUri: Pages + "SEM0212.md"),
        new("SEM0213", "An axis appears from nowhere", Message, Category, DiagnosticSeverity.Error, true, helpLinkUri: Pages + "SEM0213.md"),
        new("SEM0214", "An axis is written twice", Message, Category, DiagnosticSeverity.Error, true, helpLinkUri: Pages + "SEM0214.md"),
        new("SEM0215", "Parts made and parts taken differ", Message, Category, DiagnosticSeverity.Error, true, helpLinkUri: Pages + "SEM0215.md"),
        new("SEM0216", "The specification cannot run a pattern", Message, Category, DiagnosticSeverity.Error, true, helpLinkUri: Pages + "SEM0216.md"),
        new("SEM0217", "A size argument says nothing", Message, Category, DiagnosticSeverity.Error, true, helpLinkUri: Pages + "SEM0217.md"),
        new("SEM0218", "An axis that is not 1 is repeated", Message, Category, DiagnosticSeverity.Error, true, helpLinkUri: Pages + "SEM0218.md"),
        new("SEM0219", "The samples are not on the first axis", Message, Category, DiagnosticSeverity.Error, true, helpLinkUri: Pages + "SEM0219.md"),
        new("SEM0221", "A loop changes a shape", Message, Category, DiagnosticSeverity.Error, true, helpLinkUri: Pages + "SEM0221.md"),
        new("SEM0222", "Copies of a repeat have different sizes", Message, Category, DiagnosticSeverity.Error, true, helpLinkUri: Pages + "SEM0222.md"),
        new("SEM0301", "A graph is called with another number of axes", Message, Category, DiagnosticSeverity.Error, true, helpLinkUri: Pages + "SEM0301.md"),
        new("SEM0302", "Modules construct each other", Message, Category, DiagnosticSeverity.Error, true, helpLinkUri: Pages + "SEM0302.md"),
        new("SEM0303", "An index is outside a repeat", Message, Category, DiagnosticSeverity.Error, true, helpLinkUri: Pages + "SEM0303.md"),
        new("SEM0304", "A loop reaches outside a repeat", Message, Category, DiagnosticSeverity.Error, true, helpLinkUri: Pages + "SEM0304.md"),
        new("SEM0401", "A pinned value arrives rounded", Message, Category, DiagnosticSeverity.Error, true, helpLinkUri: Pages + "SEM0401.md"),
        new("SEM0402", "Precision plan", Message, Category, DiagnosticSeverity.Info, true, helpLinkUri: Pages + "SEM0402.md"),
        new("SEM0501", "A captured graph calls one that may not be captured", Message, Category, DiagnosticSeverity.Error, true, helpLinkUri: Pages + "SEM0501.md"),
        new("SEM0502", "A captured graph draws on the device", Message, Category, DiagnosticSeverity.Warning, true, helpLinkUri: Pages + "SEM0502.md"),
        new("SEM0503", "A capture keeps large buffers", Message, Category, DiagnosticSeverity.Warning, true, helpLinkUri: Pages + "SEM0503.md"),
        new("SEM0504", "A graph has nothing to cut its backward pass between", Message, Category, DiagnosticSeverity.Error, true, helpLinkUri: Pages + "SEM0504.md"),
        new("SEM0601", "A checkpoint has another shape", Message, Category, DiagnosticSeverity.Error, true, helpLinkUri: Pages + "SEM0601.md"),
        new("SEM0602", "A checkpoint lacks a key", Message, Category, DiagnosticSeverity.Error, true, helpLinkUri: Pages + "SEM0602.md"),
        new("SEM0603", "A checkpoint has keys that nobody reads", Message, Category, DiagnosticSeverity.Warning, true, helpLinkUri: Pages + "SEM0603.md"),
        new("SEM0604", "A manifest answers to no configuration", Message, Category, DiagnosticSeverity.Warning, true, helpLinkUri: Pages + "SEM0604.md"),
        new("SEM0701", "The same is computed twice", Message, Category, DiagnosticSeverity.Info, true, helpLinkUri: Pages + "SEM0701.md"),
        new("SEM0702", "A row never reaches the result", Message, Category, DiagnosticSeverity.Info, true, helpLinkUri: Pages + "SEM0702.md"),
        new("SEM0703", "Fused attention may refuse a head width", Message, Category, DiagnosticSeverity.Warning, true, helpLinkUri: Pages + "SEM0703.md"),
        new("SEM0704", "An attention map is materialised", Message, Category, DiagnosticSeverity.Info, true, helpLinkUri: Pages + "SEM0704.md"),
    ];

    private static readonly Dictionary<string, DiagnosticDescriptor> ById = All.ToDictionary(d => d.Id);

    /// <summary>False for warnings and remarks, with which a module is compiled all the same.</summary>
    internal static bool IsError(string id) => ById[id].DefaultSeverity == DiagnosticSeverity.Error;

    internal static DiagnosticDescriptor Of(string id) => ById[id];
}
